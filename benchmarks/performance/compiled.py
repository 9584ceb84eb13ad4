"""Steps of SimCLR that torch.compile has compiled, beside the same ones as they are."""

from __future__ import annotations

import torch

from benchmarks.compiled_step import compiled_step
from benchmarks.performance.pictures import pictures
from benchmarks.performance.ratio import Ratio, in_batches, rates
from captcha_ssl.training.device import resolve_precision


def measure(small: bool) -> list[Ratio]:
    """On all cores, in the arithmetic that `auto` chooses; compiling itself is not counted."""
    return [
        _measure("encoder compiled", small),
        _measure("encoder and views compiled", small),
    ]


def _measure(variant: str, small: bool) -> Ratio:
    batch, count = (4, 4) if small else (32, 32 * 30)
    given = (
        torch.from_numpy(pictures(batch)),
        "tiny",
        resolve_precision("auto", torch.device("cpu")),
        "eager" if small else "inductor",
    )
    plain, compiled = (
        in_batches(compiled_step(parts, *given), batch) for parts in ("nothing compiled", variant)
    )
    found = rates(compiled, plain, (count, count), 1 if small else 3)
    return Ratio(f"SimCLR step, {variant}", *found, "images/s", "nothing compiled")
