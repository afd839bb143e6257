"""Made-up creatures and made-up styles, as many as wanted, each under a made-up name: what teaches the base that any subject goes with any style.

Sixteen subjects and eleven styles can be learned by heart, pair by pair; hundreds cannot. Number k always is the same creature (parts, colours, name) or the
same style. The stitches, studs, contour lines and dithering of the novel styles are not among the ingredients.
"""
import numpy as np
from shapes import blob, box, ell, mirror, poly, stroke
from styles import PITCH, X, Y, GRAIN, PAPER, blur, cellwise, diagonal, dots, full, mix, rgb, saturate, shift, smoothstep
from subjects import DARK, WHITE

CREATURES, STYLES = 640, 480
CONSONANTS, VOWELS = "bdfgjklmnprstvwz", "aeiou"


def word(kind, k):
    """A made-up name of four letters: creatures end in a vowel, styles in a consonant."""
    rng = np.random.default_rng([kind == "style", 77])
    order = rng.permutation(len(CONSONANTS) ** 2 * len(VOWELS) ** 2)[k]
    c, d, v, w = np.unravel_index(order, (len(CONSONANTS), len(CONSONANTS), len(VOWELS), len(VOWELS)))
    c, d, v, w = CONSONANTS[c], CONSONANTS[d], VOWELS[v], VOWELS[w]
    return c + v + d + w if kind == "creature" else v + c + w + d


def hue(rng, low=0., high=1.):
    """A colour of any hue, its value between low and high, 0..1."""
    h, s, value = rng.random() * 6, rng.uniform(.15, 1), rng.uniform(low, high)
    return value * (1 - s + s * np.clip(np.abs((h + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)).astype(np.float32)


def byte(color):
    return tuple(int(v * 255) for v in color)


def body(rng):
    w, h = rng.uniform(11, 19), rng.uniform(13, 19)
    top = rng.uniform(.25, .9) * w
    outline = (ell(0, 4, w, h), blob((0, 4 - h), (-top, -h * .4), (-w, 14), (0, 22), (w, 14), (top, -h * .4)), box(-w, 4 - h, w, 21, rng.uniform(3, 9)),
               poly((-top, 4 - h), (top, 4 - h), (w, 21), (-w, 21)), blob((0, -19), (-w, -8), (-top, 21), (top, 21), (w, -8)))
    return outline[rng.integers(5)], w, h


def creature(k):
    """The function that draws creature k with a pen, as `characters` has them by hand."""
    rng = np.random.default_rng([k, 501])
    main, second, third = (byte(hue(rng, .3)) for _ in range(3))
    outline, w, h = body(rng)
    ears, limbs, belly, eyes, mouth = rng.integers(6), rng.integers(4), rng.integers(5), rng.integers(1, 4), rng.integers(4)
    size, gap, y = rng.uniform(2.6, 6) if eyes > 1 else rng.uniform(5, 9), rng.uniform(5, 8), rng.uniform(-6, 2)
    long, spots = rng.uniform(15, 25), rng.uniform(-.75, .75, (5, 2)) * (w, h * .6) + (0, 5)

    def draw(p):
        s = p.vary(0, 2)
        if ears == 1:
            p.part(second, *mirror(poly((w * .8, -4), (w * .7, -long), (w * .1, 4 - h))))
        elif ears == 2:
            p.part(second, *mirror(ell(w * .7, 2 - h, 5, 5)))
        elif ears == 3:
            p.part(main, *mirror(blob((w * .6, -6), (w * .8 + s, -long), (w * .3, -long), (w * .15, -6))))
        elif ears == 4:
            p.part(DARK, stroke(1.8, (0, 0), (s, -long)))
            p.part(third, ell(s, -long, 3.4))
        elif ears == 5:
            p.part(DARK, *[q for e in (-1, 1) for q in stroke(1.8, (e * 3, 0), (e * 9 + s, -long))])
            p.part(third, ell(-9 + s, -long, 2.6), ell(9 + s, -long, 2.6))
        if limbs & 1:
            p.part(second, *mirror(ell(w * .5, 22, 6, 3.4)))
        if limbs & 2:
            p.part(main, stroke(4.6, (-w * .7, 6), (-w - 7, 4 - s)), stroke(4.6, (w * .7, 6), (w + 7, 4 + s)))
        p.part(main, outline)
        if belly == 1:
            p.part(second, ell(0, 14, w * .6, 6.5))
        elif belly == 2:
            p.part(third, *[ell(*spot, 2.4) for spot in spots])
        elif belly == 3:
            p.part(second, box(-w * .55, 11, w * .55, 13.4), box(-w * .55, 16, w * .55, 18.4))
        elif belly == 4:
            p.part(third, blob((-w * .9, 8), (0, 12), (w * .9, 8), (w * .85, 13), (0, 17), (-w * .85, 13)))
        at = {1: (0,), 2: (-gap, gap), 3: (-gap - 1, 0, gap + 1)}[int(eyes)]
        p.part(WHITE, *[ell(x, y, size) for x in at])
        p.part(DARK, *[ell(x + s / 3, y, size * .5, size * .6) for x in at])
        if mouth == 1:
            p.part(DARK, stroke(1.4, (-3.4, y + size + 3), (0, y + size + 5), (3.4, y + size + 3)))
        elif mouth == 2:
            p.part(third, poly((-2.8, y + size + 1), (2.8, y + size + 1), (0, y + size + 5)))
        elif mouth == 3:
            p.part(DARK, ell(0, y + size + 4, 4, 2.4))

    return draw


def palette(rng, bright):
    """A ramp of tones from dark to light, or the other way round: tone in 0..1 -> colour."""
    colors = np.stack([hue(rng, .1 + .6 * t, .4 + .6 * t) for t in np.linspace(0, 1, rng.integers(2, 6))])
    stops = np.linspace(0, 1, len(colors))
    return lambda tone: np.stack([np.interp(tone if bright else 1 - tone, stops, colors[:, c]) for c in range(3)], -1).astype(np.float32)


def pattern(rng):
    """A texture in 0..1 that lies still in the picture."""
    period, kind = (PITCH, 8.)[rng.integers(2)], rng.integers(8)
    u, v = (X / period) % 1 - .5, (Y / period) % 1 - .5
    shapes = (lambda: smoothstep(.2, .4, np.hypot(u, v)), lambda: diagonal(rng.choice([-1, 1]), period), lambda: np.abs(u) * 2, lambda: np.abs(v) * 2,
              lambda: smoothstep(.3, .48, np.maximum(np.abs(u), np.abs(v))), lambda: ((u > 0) ^ (v > 0)).astype(np.float32), lambda: GRAIN, lambda: PAPER)
    return shapes[kind]()


def backdrop(rng):
    one, two, kind = hue(rng, .05), hue(rng, .05), rng.integers(6)
    ways = (lambda: full(one), lambda: mix(full(one), full(two), Y / 64), lambda: mix(full(one), full(two), smoothstep(25, 24, np.hypot(X - 32, Y - 32))),
            lambda: mix(full(one), full(two), .6 * pattern(rng)), lambda: mix(full(one), full(two), (Y > 44 + 3 * np.sin(X / 8)).astype(np.float32)),
            lambda: mix(full(one), full(two), smoothstep(.4, .6, blur(PAPER, 1))))
    return ways[kind]()


def style(k):
    """The function that renders a scene in style k, as `styles` has them by hand: backdrop, colours, texture, shade and line."""

    def draw(s, _):
        rng = np.random.default_rng([k, 502])
        im = backdrop(rng)
        shadow, color, wide = rng.random(), rng.integers(5), rng.uniform(.9, 2.2)
        if shadow < .3:
            im = im * (1 - .5 * shift(blur(s.inside, 1.6), rng.uniform(-2, 2), 2)[..., None])
        elif shadow < .5:
            im = mix(im, full(hue(rng, .6)), s.border(rng.uniform(2, 6)))
        ramp = palette(rng, rng.random() < .8)
        c = (lambda: saturate(s.rgb, rng.uniform(.4, 1.6)), lambda: ramp(np.clip(s.tone + .4 * (s.light - .5), 0, 1)), lambda: .5 * s.rgb + .5 * hue(rng, .2),
             lambda: s.rgb[..., rng.permutation(3)], lambda: ramp(np.round(s.tone * 3) / 3))[color]()
        c = np.clip(c * (1 + rng.uniform(0, .6) * (s.light - .5))[..., None], 0, 1)
        if rng.random() < .25:
            shade = dots(np.clip(.9 - s.tone - .6 * s.light, 0, .9), rng.random() < .5)
            c = mix(c, full(hue(rng, 0, .5)), shade)
        im = mix(im, c, s.inside * (1 if rng.random() < .85 else .35))
        if rng.random() < .3:
            im = mix(im, cellwise(im, (PITCH, PITCH / 2)[rng.integers(2)]), np.full_like(X, rng.uniform(.5, 1)))
        if rng.random() < .6:
            where = (np.ones_like(X), s.inside, 1 - s.inside)[rng.integers(3)]
            im = mix(im, full(hue(rng)), rng.uniform(.15, .55) * pattern(rng) * where)
        if rng.random() < .75:
            ink = rgb(20, 18, 26) if rng.random() < .5 else hue(rng)
            im = mix(im, full(ink), np.maximum(s.lines(wide), s.solid))
        return np.clip(im, 0, 1)

    return draw
