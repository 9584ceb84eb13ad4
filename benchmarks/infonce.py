"""InfoNCE in tiles compared with the whole matrix: time, memory and gradients, in one run.

    python -m benchmarks.infonce [--embeddings 16384] [--width 128] [--temperature 0.1]

Each variant runs in its own process, so that its peak of memory is its own; the memory is what
a step takes beyond the embeddings. Prints a table and, with --json FILE, writes the figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

WAYS = ("matrix", "tiles")
_REPEATS = 3


def main() -> None:
    """Measure both ways and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--embeddings", type=int, default=16_384)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--temperature", type=float, default=0.1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(measure(asked.way, asked.embeddings, asked.width, asked.temperature)))
        return
    found = {way: _in_a_process(way) for way in WAYS}
    ratios = {
        "times faster": found["matrix"]["seconds"] / found["tiles"]["seconds"],
        "of the memory": found["tiles"]["megabytes"] / found["matrix"]["megabytes"],
    }
    for way in WAYS:
        print(f"{way:8} {found[way]['seconds']:8.3f} s {found[way]['megabytes']:10.1f} MB")
    print(
        f"tiles: {ratios['times faster']:.1f} times faster, 1/{1 / ratios['of the memory']:.0f} "
        "of the memory"
    )
    apart = abs(found["matrix"]["gradient"] / found["tiles"]["gradient"] - 1)
    print(f"norm of the gradient: {apart:.1e} apart; {torch.get_num_threads()} threads")
    if asked.json:
        asked.json.write_text(json.dumps({**found, **ratios}, indent=2) + "\n")


def _in_a_process(way: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.infonce", *sys.argv[1:], "--way", way]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(way: str, embeddings: int, width: int, temperature: float) -> dict[str, float]:
    """Seconds of a forward and backward pass (the best of three), and its peak in megabytes."""
    from captcha_ssl.losses.infonce import infonce

    loss = whole_matrix if way == "matrix" else infonce
    torch.manual_seed(0)
    a, b = torch.randn(2, embeddings // 2, width)
    a.requires_grad_()
    # What the libraries set up at their first call is no cost of either way.
    loss(a[:256], b[:256], temperature).backward()  # type: ignore[no-untyped-call]
    before, seconds = _peak(), []
    for _ in range(_REPEATS):
        a.grad = None
        started = time.perf_counter()
        loss(a, b, temperature).backward()  # type: ignore[no-untyped-call]
        seconds.append(time.perf_counter() - started)
    assert a.grad is not None
    norm = float(a.grad.double().norm())
    return {"seconds": min(seconds), "megabytes": _peak() - before, "gradient": norm}


def whole_matrix(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Plain InfoNCE: the cross-entropy of the matrix of all pairs."""
    z = F.normalize(torch.cat([a, b]), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(a)))


def _peak() -> float:
    """The most memory this process has held, in megabytes (Linux)."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
