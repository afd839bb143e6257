"""Distils the autoencoder's decoder into a small one (the shape of TAESD: convolutions and ReLUs only), for the gradient of guidance; resumable.

    python3 train_tiny_decoder.py RUN --data base.npz invented.npz --minutes 8
    python3 train_tiny_decoder.py RUN --test          PSNR of both decoders on pictures they have not seen

Input: latents of unit variance, as the sampler sees them; output: a picture in 0..1. Like the autoencoder's decoder it sees the base world and the made-up things.
"""
import argparse
import os
import numpy as np
import torch
import torch.nn.functional as F
import config
import train_base
import train_vae
import world


class Block(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        conv = lambda: torch.nn.Conv2d(width, width, 3, padding=1)
        self.conv = torch.nn.Sequential(conv(), torch.nn.ReLU(), conv(), torch.nn.ReLU(), conv())

    def forward(self, x):
        return F.relu(self.conv(x) + x)


class TinyDecoder(torch.nn.Module):
    def __init__(self, width=24, last=12):
        super().__init__()
        conv = lambda a, b: torch.nn.Conv2d(a, b, 3, padding=1)
        up = lambda: torch.nn.Upsample(scale_factor=2)
        self.layers = torch.nn.Sequential(
            conv(config.LATENT, width), torch.nn.ReLU(), Block(width),
            up(), conv(width, width), Block(width),
            up(), conv(width, last), Block(last), conv(last, 3))

    def forward(self, z):
        return self.layers(torch.tanh(z / 3) * 3) / 2 + 0.5


def load(run):
    model, path = TinyDecoder().to(config.DEVICE), f"{run}/tiny.pt"
    if os.path.exists(path):
        model.load_state_dict(torch.load(path, map_location=config.DEVICE))
    return model


def train(args):
    latents = train_base.latents(args.run, args.data)
    pictures = torch.from_numpy(np.concatenate([np.load(file)["x"] for file in args.data]))
    model = load(args.run)
    opt = torch.optim.AdamW(model.parameters(), args.lr, betas=(0.9, 0.99), weight_decay=1e-4)
    clock, step, total = config.Clock(args.minutes), 0, 0.0
    while not clock.over():
        clock.lr(opt, args.lr, step, 40)
        pick = torch.randint(len(latents), (args.batch,))
        mean, deviation = latents[pick].unbind(1)
        # Latents on the way are not quite those of pictures.
        noise = deviation + 0.1 * torch.rand(len(pick), 1, 1, 1)
        z, x = (mean + noise * torch.randn_like(mean)).to(config.DEVICE), config.pictures(pictures[pick]).to(config.DEVICE)
        with config.autocast():
            loss = train_vae.loss_of(model(z) * 2 - 1, x)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        step, total = step + 1, total + loss.item()
        if step % 100 == 0:
            config.log(step=step, loss=total / 100, seconds=clock.spent())
            total = 0.0
    torch.save(model.state_dict(), f"{args.run}/tiny.pt")
    config.log(params=sum(p.numel() for p in model.parameters()))


@torch.no_grad()
def test(args):
    vae, tiny = train_vae.load(args.run).eval(), load(args.run).eval()
    x = config.pictures(np.stack([world.render(subject, style, 777) for subject in world.ALL_SUBJECTS for style in world.ALL_STYLES]))
    latent = vae.encode(x)[0]
    psnr = lambda y: (10 * torch.log10(4 / (y.clamp(-1, 1) - x).pow(2).mean((1, 2, 3)))).mean().item()
    config.log(full=psnr(vae.dec(latent)), tiny=psnr(tiny(latent * vae.scale) * 2 - 1))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("run")
    p.add_argument("--data", nargs="+")
    p.add_argument("--minutes", type=float, default=8)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--test", action="store_true")
    args = p.parse_args()
    test(args) if args.test else train(args)
