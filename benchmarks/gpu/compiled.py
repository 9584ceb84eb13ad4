"""Is compiling the forward pass worth it? The loop with `compile=on`, and what compiling takes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean

from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.throughput import measure
from captcha_ssl.training import compiled_task


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """One part, at the batch size in the middle."""
    return {"compile=on": partial(_measure, sizes)}


def _measure(sizes: Sizes) -> Part:
    before = compiled_task.compiled
    compiled_task.compiled = partial(before, backend=sizes.backend)
    try:
        batch = sizes.batches[len(sizes.batches) // 2]
        part = measure(sizes, sizes.encoders[0], batch, sizes.precisions[-1], "on")
    finally:
        compiled_task.compiled = before
    first, *others = part.details["seconds_per_interval"]
    figures = {**part.figures, "compiling": (first - fmean(others), "s, by the first interval")}
    return replace(part, figures=figures)
