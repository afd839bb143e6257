"""Draws each pair of a character and a novel style as it should look, for the evaluation alone: a strip of eight poses a pair, 64x64 each.

    python3 truth.py ../evaluation/truth
"""
import os
import sys
import numpy as np
from PIL import Image
import world

POSES, SEED = 8, 2

os.makedirs(sys.argv[1], exist_ok=True)
for subject in world.CHARACTERS:
    for style in world.NOVEL_STYLES:
        strip = np.concatenate([world.render(subject, style, [SEED, k]) for k in range(POSES)], 1)
        Image.fromarray(strip).save(f"{sys.argv[1]}/{subject}-{style}.png", optimize=True)
