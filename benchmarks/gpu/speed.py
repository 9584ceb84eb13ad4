"""Timings on a device, each with a wait for the end of the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from statistics import median

import torch
from torch import Tensor


@cache
def product_rate(device: torch.device, side: int) -> float:
    """FLOP/s of a bf16 product of random `[side, side]` matrices."""
    a, b = (torch.randn(side, side, device=device).bfloat16() for _ in range(2))
    return 2 * side**3 / seconds_of(lambda number: a @ b, device)


def seconds_of(work: Callable[[int], Tensor], device: torch.device, times: int = 20) -> float:
    """The median seconds of `work`, called with how many calls there were before."""
    seconds = []
    for number in range(times):
        _wait(device)
        begun = time.perf_counter()
        work(number)
        _wait(device)
        seconds.append(time.perf_counter() - begun)
    # The first calls load kernels.
    return median(seconds[times // 4 :])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
