"""The step of SimCLR of this commit beside that of another, on this CPU.

    git worktree add ../old 6b61a9c
    python -m benchmarks.beside_commit ../old [--rounds 7] [--steps 40] [--learn 500]

Both train the encoder `tiny` on the same rendered pictures at batch 32 by the loop that `pretrain`
runs, in separate processes that take turns, so that other work on the machine slows both
down. A round is timed after some steps that warm up; it prints the median of the ratios. `--learn`
says after how many steps the losses are compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from captcha_ssl.synthesis.pool import draw_chunk
from captcha_ssl.synthesis.settings import PictureSettings

_COUNT, _HEIGHT, _WIDTH = 4096, 32, 88

WORKER = """
import json, sys, time
import numpy as np
import torch
from captcha_ssl.methods.simclr import SimCLR
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.training.loop import train
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.store import image_fetcher

images = np.load(sys.argv[1])
clock = time.process_time if sys.argv[2] == "cpu" else time.perf_counter
fetch = image_fetcher(images, torch.device("cpu"))
for line in sys.stdin:
    asked = json.loads(line)
    steps = asked["warm"] + asked["steps"]
    loop = LoopSettings(lr=1e-3, device="cpu", log_every=asked["steps"], **asked["loop"])
    torch.manual_seed(loop.seed)
    parts = []
    for kind in SimCLR.settings_classes:
        names = kind().__dict__
        parts.append(kind(**{k: v for k, v in asked["method"].items() if k in names}))
    method = SimCLR(build_encoder("tiny", *images.shape[1:3]), *parts)
    marks = []
    def timed(indices):
        marks.append(clock())
        return fetch(indices)
    groups = parameter_groups(method, loop.lr, loop.weight_decay)
    history = train(method, groups, timed, len(images), steps, loop)
    seconds = clock() - marks[asked["warm"]]
    rate = asked["steps"] * loop.batch_size / seconds
    print(json.dumps({"rate": rate, "loss": history[-1]["loss"]}), flush=True)
"""
"""What both checkouts run; it knows only what commit 6b61a9c has."""


class Side:
    """A checkout, in a process that trains on request."""

    def __init__(self, root: Path, images: Path, clock: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(images), clock],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def train(self, steps: int, warm: int, loop: dict[str, Any], method: dict[str, Any]) -> Any:
        """Images a second over `steps` after `warm` ones, and the mean loss of the last ones."""
        assert self.process.stdin is not None and self.process.stdout is not None
        asked = {"steps": steps, "warm": warm, "loop": loop, "method": method}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the checkout ended with {self.process.wait()}")
        return json.loads(answer)


def main() -> None:
    """Print the two rates, the median of their ratios, and both losses."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("old", type=Path, help="a checkout of the other commit")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40, help="steps of a round")
    parser.add_argument("--learn", type=int, default=0, help="steps after which losses are printed")
    parser.add_argument("--seeds", type=int, default=1, help="for --learn")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--set", nargs="*", default=[], help="KEY=JSON of this commit's method")
    parser.add_argument("--loop", nargs="*", default=[], help="KEY=JSON of this commit's loop")
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: seconds of processors, with OMP_NUM_THREADS=1 on a busy machine",
    )
    parser.add_argument("--scratch", type=Path, default=Path("/tmp"))
    asked = parser.parse_args()
    more, loop = (
        {key: json.loads(value) for key, _, value in (part.partition("=") for part in given)}
        for given in (asked.set, asked.loop)
    )
    images = asked.scratch / "beside_commit.npy"
    drawn = PictureSettings(style="fast", height=_HEIGHT, width=_WIDTH, channels=1)
    np.save(images, draw_chunk(drawn, range(_COUNT))[0])
    old, new = (Side(root, images, asked.clock) for root in (asked.old, Path()))
    batch = {"batch_size": asked.batch}
    ratios, rates = [], []
    for _ in range(asked.rounds):
        found = [
            old.train(asked.steps, 5, {"batch_size": 32}, {})["rate"],
            new.train(asked.steps, 5, batch | loop, more)["rate"],
        ]
        rates.append(found)
        ratios.append(found[1] / found[0])
        print(f"{found[0]:.0f} {found[1]:.0f} {ratios[-1]:.2f}", file=sys.stderr, flush=True)
    before, after = (median(column) for column in zip(*rates, strict=True))
    print(
        f"{before:.0f} images/s before, {after:.0f} now; median of the ratios {median(ratios):.2f}"
    )
    for seed in range(asked.seeds if asked.learn else 0):
        last = 50
        losses = [
            side.train(last, asked.learn - last, {"seed": seed, **settings}, chosen)["loss"]
            for side, settings, chosen in (
                (old, {"batch_size": 32}, {}),
                (new, batch | loop, more),
            )
        ]
        told = f"{losses[0]:.3f} before, {losses[1]:.3f} now"
        print(f"loss after {asked.learn} steps, seed {seed}: {told}")


if __name__ == "__main__":
    main()
