"""How much memory a pile takes: ten million images in a sparse file.

The file has the size of the pile and no pixels written: reading gives zeros, from no disk. What
counts is memory of the process alone (RssAnon of Linux), not the pages of the file it has read,
which the system may free at any time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.performance.ratio import Ratio
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.data.sources.packed import DESCRIPTION, FORMAT, PIXELS, VERSION
from captcha_ssl.training.batches import BatchOrder
from captcha_ssl.training.store import image_fetcher

MANY, FEW, BATCH, STEPS = 10_000_000, 10_000, 128, 500
SHAPE = (1, 32, 88)


def measure(small: bool) -> list[Ratio]:
    """Open a pile and fetch 500 shuffled batches of it."""
    many = 200_000 if small else MANY
    taken = {count: _in_a_process(count) for count in (many, FEW)}
    return [
        Ratio(
            f"memory for {many:,} images, opened and shuffled",
            taken[many],
            taken[FEW],
            "MB",
            f"{FEW:,} images",
            more_is_better=False,
        )
    ]


def _in_a_process(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        _hollow_pile(Path(folder), count)
        command = [sys.executable, "-m", "benchmarks.performance.millions", folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def _hollow_pile(folder: Path, count: int) -> None:
    shape = (count, *SHAPE)
    keys = ("count", "channels", "height", "width")
    about = {"format": FORMAT, "version": VERSION, **dict(zip(keys, shape, strict=True))}
    (folder / DESCRIPTION).write_text(json.dumps(about), encoding="utf-8")
    np.lib.format.open_memmap(folder / PIXELS, "w+", np.uint8, shape)


def _megabytes() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def _read(folder: Path) -> float:
    """The peak of private memory, in MB, over shuffled batches."""
    data = load_dataset(folder, labeled=False, height=SHAPE[1], width=SHAPE[2])
    order = BatchOrder(len(data), BATCH, 0)
    fetch = image_fetcher(data.images, torch.device("cpu"))
    most = 0.0
    for step in range(STEPS):
        fetch(order(step))
        most = max(most, _megabytes())
    return most


if __name__ == "__main__":
    print(_read(Path(sys.argv[1])))
