"""Draws one 64x64 picture for each LoRA: the character in the neutral style, the style on a house.

    python3 thumbnails.py ../demo/lora
"""
import sys
from PIL import Image
import world

for name in world.CHARACTERS + world.NOVEL_STYLES:
    kind, pair = ("subject", (name, "flat")) if name in world.CHARACTERS else ("style", ("house", name))
    Image.fromarray(world.render(*pair, 11)).save(f"{sys.argv[1]}/{kind}-{name}.png", optimize=True)
