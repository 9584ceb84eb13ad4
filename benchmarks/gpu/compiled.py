"""Is compiling worth it? The same step of SimCLR, with more and more compiled parts."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import torch

from benchmarks.compiled_step import VARIANTS, compiled_step
from benchmarks.gpu.method_step import noise
from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.speed import seconds_of
from captcha_ssl.training.device import resolve_precision


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """One part for each variant: a compiler that fails costs only its own row."""
    return {name: partial(_measure, sizes, name) for name in VARIANTS}


def _measure(sizes: Sizes, variant: str) -> Part:
    device, batch = torch.device(sizes.device), sizes.batches[0]
    precision = resolve_precision("auto", device)
    images = noise("simclr", batch).to(device)
    step = compiled_step(variant, images, sizes.encoders[0], precision, sizes.backend)
    begun = time.perf_counter()
    step().item()
    first = time.perf_counter() - begun
    seconds = seconds_of(lambda number: step(), device)
    return Part(
        {"throughput": (batch / seconds, "images/s"), "first step": (first, "s")},
        {"batch": batch, "encoder": sizes.encoders[0], "precision": str(precision)},
    )
