"""AdamW and its learning-rate schedule."""

from __future__ import annotations

import math
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor


class AdamW(torch.optim.AdamW):
    """torch's AdamW without the wrappers that keep it out of torch.compile.

    They import all of the compiler at the first call, which takes more than a second, and nothing
    compiles the optimizer here.
    """

    add_param_group = unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = unwrap(torch.optim.AdamW.zero_grad)
    state_dict = unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = unwrap(torch.optim.AdamW.load_state_dict)
    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))


def build_optimizer(groups: list[dict[str, Any]], *, rates_on: torch.device | None = None) -> AdamW:
    """AdamW (Loshchilov & Hutter 2019) that remembers the peak rate of each group as `peak_lr`.

    With `rates_on` the rates are float32 scalars there, which a recorded step reads each time.
    """

    def rate(lr: float) -> float | Tensor:
        return lr if rates_on is None else torch.tensor(lr, dtype=torch.float32, device=rates_on)

    peaks = [{**group, "lr": rate(group["lr"]), "peak_lr": group["lr"]} for group in groups]
    return AdamW(peaks, fused=True, capturable=rates_on is not None)


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the learning rate of every group to `factor` times its peak rate."""
    for group in optimizer.param_groups:
        rate = group["peak_lr"] * factor
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def cosine_factor(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up over `warmup · steps`, then half a cosine to zero (Loshchilov 2017).

    `step` counts from 0 to `steps` − 1; the result lies in (0, 1].
    """
    ramp = max(1, round(warmup * steps))
    rise = min(1.0, (step + 1) / ramp)
    return rise * 0.5 * (1.0 + math.cos(math.pi * step / steps))
