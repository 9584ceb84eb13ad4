"""How long `--help` takes."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.performance.ratio import Ratio, rates


def measure(small: bool) -> list[Ratio]:
    """`--help`, beside a program that imports torch before it can answer."""

    def ours(count: int) -> None:
        for _ in range(count):
            _run("-m", "captcha_ssl", "--help")

    def peer(count: int) -> None:
        for _ in range(count):
            _run("-c", "import torch")

    per_second = rates(ours, peer, (1, 1), 1 if small else 7)
    here, there = (1 / rate for rate in per_second)
    return [Ratio("--help", here, there, "s", "import torch", more_is_better=False)]


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
