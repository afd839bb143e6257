"""Writes the judge as ONNX with the names of its classes, for the evaluation alone.

    python3 export_judge.py RUN ../evaluation/judge
"""
import json
import os
import sys
import torch
import train_encoders
import world


def main(run, out):
    os.makedirs(out, exist_ok=True)
    judge = train_encoders.load(run, "judge").cpu().eval()
    torch.onnx.export(judge, torch.zeros(1, 3, world.SIZE, world.SIZE), f"{out}/model.onnx", opset_version=16, input_names=["picture"],
                      output_names=["subject", "style"], dynamic_axes={"picture": {0: "batch"}})
    with open(f"{out}/labels.json", "w") as f:
        json.dump({"subjects": world.ALL_SUBJECTS, "styles": world.ALL_STYLES}, f, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:3])
