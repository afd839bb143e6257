"""Trains everything, stage after stage, from nothing to the files of the demo model; resumable.

    python3 train.py                             what is not finished yet; from nothing about six hours on two CPU cores
    python3 train.py --times 20                  every stage so many times longer: for CUDA, where the same minutes see a hundred times the pictures
    python3 train.py --weights weights base loras export     these stages once more, from the committed averages where run/ is empty

A stage that ended is noted in RUN/stages.json and not run again unless it is named. One that was interrupted goes on from its last checkpoint (the base) or
starts again (the others, minutes each).
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
import averages
import config
import world

HERE = os.path.dirname(os.path.abspath(__file__))
CUDA = config.DEVICE == "cuda"
# Plain nproc would answer OMP_NUM_THREADS.
WORKERS = 1 if CUDA else len(os.sched_getaffinity(0))
# One thread a process, and an allocator that keeps memory between steps: glibc gives it back and page-faults at every step.
THRIFTY = {} if CUDA else dict(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MALLOC_ARENA_MAX="1", MALLOC_MMAP_THRESHOLD_="4294967296",
                               MALLOC_TRIM_THRESHOLD_="4294967296", MALLOC_TOP_PAD_="268435456")
GPU_BATCH = ["--batch", "256"] if CUDA else []


class Training:
    """The stages, each with its minutes at --times 1; those of one row do not depend on one another and run side by side."""

    ROWS = (("data",), ("vae",), ("decoder", "tiny", "judge", "prompt", "clip", "dino"), ("base",), ("loras",), ("export",))

    def __init__(self, args):
        self.run, self.times, self.pictures = args.run, args.times, args.pictures
        self.known, self.invented, self.novel = (f"{args.run}/data/{part}.npz" for part in ("base", "invented", "novel"))

    def minutes(self, count):
        return ["--minutes", str(count * self.times)]

    def data(self):
        os.makedirs(f"{self.run}/data", exist_ok=True)
        call("make_data.py", f"{self.run}/data", *map(str, self.pictures))

    def vae(self):
        call("train_vae.py", self.run, "--data", self.known, *self.minutes(14), *GPU_BATCH)

    def decoder(self):
        call("train_vae.py", self.run, "--data", self.known, self.invented, *self.minutes(21), "--crops", "0", "--lr", "1e-3", "--decoder", *GPU_BATCH)

    def tiny(self):
        call("train_tiny_decoder.py", self.run, "--data", self.known, self.invented, *self.minutes(16))

    def judge(self):
        self.encoder("judge", 5.5, self.known, self.novel)

    def prompt(self):
        self.encoder("prompt", 15, self.known, self.novel)

    def clip(self):
        self.encoder("clip", 4.5, self.known)

    def dino(self):
        self.encoder("dino", 4.5, self.known)

    def encoder(self, part, minutes, *data):
        call("train_encoders.py", self.run, part, "--data", *data, *self.minutes(minutes), *GPU_BATCH)

    def base(self):
        size = ["--batch", "512", "--lr", "1e-3", "--ema", "0.9995"] if CUDA else ["--batch", "16"]
        # Read once, before the workers start.
        call("-c", f"import train_base; train_base.latents({self.run!r}, {[self.known, self.invented]!r})")
        team = dict(WORLD_SIZE=str(WORKERS), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()))
        worker = lambda rank: call("train_base.py", self.run, "--data", self.known, self.invented, *self.minutes(180), *size, RANK=str(rank), **team)
        side_by_side(worker, range(WORKERS))

    def loras(self):
        steps = ["--steps", str(max(1, round(800 * self.times))), "--out", f"{self.run}/weights/lora"] + (["--batch", "16"] if CUDA else [])
        side_by_side(lambda name: call("train_lora.py", self.run, name, *steps), world.CHARACTERS + world.NOVEL_STYLES)

    def export(self):
        call("export.py", self.run, f"{self.run}/weights")


running = set()


def call(*words, **env):
    """Runs one of the scripts here. When it fails, all that runs beside it is ended: the workers of a team would wait for it."""
    process = subprocess.Popen([sys.executable, *words], env={**os.environ, **THRIFTY, **env})
    running.add(process)
    if process.wait():
        for other in running:
            other.terminate()
        sys.exit(f"train: {' '.join(words)} ended with {process.returncode}")
    running.discard(process)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def side_by_side(act, things):
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(act, things))


def main(args):
    os.chdir(HERE)
    os.makedirs(args.run, exist_ok=True)
    if args.weights and not os.path.exists(f"{args.run}/base.pt"):
        averages.load(args.weights, args.run)
    training, note, lock = Training(args), f"{args.run}/stages.json", threading.Lock()
    done = json.load(open(note)) if os.path.exists(note) else []

    def do(stage):
        print(f"train: {stage}", flush=True)
        getattr(training, stage)()
        with lock:
            done.append(stage)
            with open(f"{note}.new", "w") as f:
                json.dump(done, f)
            os.replace(f"{note}.new", note)

    for row in Training.ROWS:
        wanted = [s for s in row if (s in args.stages if args.stages else s not in done)]
        if wanted and row[0] != "data" and not os.path.exists(training.novel):
            do("data")
        side_by_side(do, wanted)
    print(f"train: done. `node halve.ts {args.run}/weights ../demo` and `python3 averages.py save {args.run} weights` make what is committed.", flush=True)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stages = [stage for row in Training.ROWS for stage in row]
    p.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(stages)}; left out: all that are not finished")
    p.add_argument("--run", default="run", help="folder of all that is made")
    p.add_argument("--weights", help="averages to go on from where there is no run yet")
    p.add_argument("--times", type=float, default=1, help="multiplies the minutes and the LoRAs' steps")
    p.add_argument("--pictures", type=int, nargs=3, default=[11264, 18432, 3456], help="to render: of the base world, of made-up things, for the judges")
    args = p.parse_args()
    for stage in args.stages:
        if stage not in stages:
            p.error(f"there is no stage {stage}; there are {', '.join(stages)}")
    main(args)
