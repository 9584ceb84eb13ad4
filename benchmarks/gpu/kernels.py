"""What a step of SimCLR is made of: kernels and their time on the GPU, beside the clock."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.stepper import stepper
from benchmarks.gpu.throughput import MODES, pictures
from captcha_ssl.training.captured_step import REHEARSALS
from captcha_ssl.training.settings import LoopSettings

_WARM, _TIMED, _TRACED = REHEARSALS + 3, 10, 3
_KINDS = 25
"""Kernels that are listed by name, the slowest ones."""


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """With a graph and without, at the batch size in the middle."""
    batch = sizes.batches[len(sizes.batches) // 2]
    return {
        f"a step of simclr, batch {batch:,}, {what}": partial(_measure, sizes, batch, mode)
        for mode, what in MODES.items()
    }


def _measure(sizes: Sizes, batch: int, mode: str) -> Part:
    on_gpu = sizes.device == "cuda"
    said: list[str] = []
    settings = LoopSettings(
        batch_size=batch, device=sizes.device, precision=sizes.precisions[-1], compile=mode
    )
    step = stepper(pictures(sizes.pictures), sizes.encoders[0], settings, said)
    for number in range(_WARM):
        step(number)
    _wait(on_gpu)
    begun = time.perf_counter()
    for number in range(_TIMED):
        step(_WARM + number)
    _wait(on_gpu)
    clock = (time.perf_counter() - begun) / _TIMED
    activities = [ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * on_gpu]
    with profile(activities=activities) as traced:
        for number in range(_TRACED):
            step(_WARM + _TIMED + number)
        _wait(on_gpu)
    counts, busy = _kernels(traced, DeviceType.CUDA if on_gpu else DeviceType.CPU)
    figures: dict[str, tuple[float | str, str]] = {
        "by the clock": (1000 * clock, "ms"),
        "kernels" if on_gpu else "operations": (sum(counts.values()) / _TRACED, "a step"),
    }
    if on_gpu:
        # Operations of a CPU lie within each other, and their times do not add up.
        figures["GPU work"] = (sum(busy.values()) / 1000 / _TRACED, "ms")
    if said:
        figures["not captured"] = (said[0], "")
    most = {name: [counts[name] / _TRACED, busy[name] / 1000 / _TRACED] for name in _longest(busy)}
    return Part(figures, {"kernels: calls and ms a step": most})


def _kernels(traced: Any, kind: DeviceType) -> tuple[Counter[str], Counter[str]]:
    """How often each kernel ran, and for how many microseconds in all."""
    counts: Counter[str] = Counter()
    busy: Counter[str] = Counter()
    for event in traced.events():
        if event.device_type == kind:
            counts[event.name] += 1
            busy[event.name] += event.time_range.elapsed_us()
    return counts, busy


def _longest(busy: Counter[str]) -> list[str]:
    return [name for name, _ in busy.most_common(_KINDS)]


def _wait(on_gpu: bool) -> None:
    if on_gpu:
        torch.cuda.synchronize()
