"""`generate` to a packed dataset: how it scales over two processes, and how long a pile takes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.performance.ratio import Ratio
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings

PILE = 860_000
ROUNDS = 2


def measure(small: bool) -> list[Ratio]:
    """The start of the processes is within; the pile is extrapolated from the best of the rest."""
    count = 200 if small else 60_000
    turns = [(_seconds(count, 1), _seconds(count, 2)) for _ in range(1 if small else ROUNDS)]
    one, two = (min(column) for column in zip(*turns, strict=True))
    return [
        Ratio(
            f"generate {count:,}, 2 processes",
            count / two,
            2 * count / one,
            "images/s",
            "twice what 1 process does",
            goal=0.9,
        ),
        Ratio(
            f"generate {PILE:,}, from {count:,}",
            PILE * two / count,
            120.0,
            "s",
            "the goal of 2 minutes",
            goal=1,
            more_is_better=False,
        ),
    ]


def _seconds(count: int, workers: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        job = GenerateSettings(count=count, workers=workers)
        generate(Path(folder) / "set", PictureSettings(style="fast"), job)
        return time.perf_counter() - begun
