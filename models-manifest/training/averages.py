"""The averaged weights of a run as float16 safetensors, and back: what is committed, so that training goes on in a clean clone.

    python3 averages.py save run weights
    python3 averages.py load weights run
"""
import json
import os
import struct
import sys
import torch
import safetensors

PARTS = ("base", "vae", "tiny", "judge", "prompt", "clip", "dino")


def metadata(path):
    with open(path, "rb") as f:
        return json.loads(f.read(struct.unpack("<Q", f.read(8))[0])).get("__metadata__", {})


def save(run, to):
    os.makedirs(to, exist_ok=True)
    for part in PARTS:
        state = torch.load(f"{run}/{part}.pt", map_location="cpu")
        model = state.get("ema", state.get("model", state))
        facts = {k: json.dumps(state[k]) for k in ("step", "images", "scale") if k in state}
        half = {k: v.half() if v.is_floating_point() else v for k, v in model.items()}
        safetensors.save(half, f"{to}/{part}.safetensors", facts)


def load(weights, run):
    os.makedirs(run, exist_ok=True)
    for part in PARTS:
        path = f"{weights}/{part}.safetensors"
        model = {k: v.float() if v.is_floating_point() else v for k, v in safetensors.load(path).items()}
        facts = {k: json.loads(v) for k, v in metadata(path).items()}
        torch.save({"base": {"ema": model, **facts}, "vae": {"model": model, **facts}}.get(part, model), f"{run}/{part}.pt")


if __name__ == "__main__":
    {"save": save, "load": load}[sys.argv[1]](*sys.argv[2:4])
