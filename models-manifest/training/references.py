"""Draws the first sixteen pictures of each LoRA's set, 64x64: what its references for guidance are made of.

    python3 references.py ../demo/references pip zorp momo knit riso papercut
"""
import os
import sys
from PIL import Image
import world

for name in sys.argv[2:]:
    os.makedirs(f"{sys.argv[1]}/{name}", exist_ok=True)
    for i, (picture, _) in enumerate(world.few_shot(name, world.REFERENCES)):
        Image.fromarray(picture).save(f"{sys.argv[1]}/{name}/{i:02}.png", optimize=True)
