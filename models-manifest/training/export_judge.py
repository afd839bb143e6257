"""Writes the two judges as ONNX, for the evaluation alone: the classifier with the names of its classes, and the pair of towers that compares pictures with prompts.

    python3 export_judge.py RUN ../evaluation/judge
"""
import json
import os
import sys
import torch
import config
import export
import tokenizer
import train_encoders
import world


class PictureTower(torch.nn.Module):
    """From a picture in -1..1."""

    def __init__(self, vision):
        super().__init__()
        self.vision = vision

    def forward(self, picture):
        return self.vision(train_encoders.normalise(picture))


def write(model, path, example, name, outputs):
    torch.onnx.export(model.cpu().eval(), example, path, opset_version=16, input_names=[name], output_names=outputs, dynamic_axes={name: {0: "batch"}})


def main(run, out):
    os.makedirs(out, exist_ok=True)
    picture, ids = torch.zeros(1, 3, world.SIZE, world.SIZE), torch.zeros(1, config.TEXT_LENGTH, dtype=torch.long)
    write(train_encoders.load(run, "judge"), f"{out}/model.onnx", picture, "picture", ["subject", "style"])
    prompt = train_encoders.load(run, "prompt")
    write(PictureTower(prompt.vision), f"{out}/prompt_picture.onnx", picture, "picture", ["embedding"])
    write(export.TextTower(prompt.text, tokenizer.Tokenizer().vocab[tokenizer.END]), f"{out}/prompt_text.onnx", ids, "input_ids", ["embedding"])
    with open(f"{out}/labels.json", "w") as f:
        json.dump({"subjects": world.ALL_SUBJECTS, "styles": world.ALL_STYLES}, f, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:3])
