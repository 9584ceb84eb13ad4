"""AdamW and its learning-rate schedule."""

from __future__ import annotations

import math
from typing import Any

import torch


def build_optimizer(groups: list[dict[str, Any]]) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) that remembers the peak rate of each group as `peak_lr`."""
    return torch.optim.AdamW([{**g, "peak_lr": g["lr"]} for g in groups], fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Every group to `factor` times its peak rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor


def cosine_factor(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up over `warmup · steps`, then half a cosine to zero (Loshchilov 2017).

    `step` counts from 0 to `steps` − 1; the result lies in (0, 1].
    """
    ramp = max(1, round(warmup * steps))
    rise = min(1.0, (step + 1) / ramp)
    return rise * 0.5 * (1.0 + math.cos(math.pi * step / steps))
