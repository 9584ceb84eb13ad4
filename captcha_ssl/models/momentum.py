"""A momentum copy of a network: the moving average of its weights."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from captcha_ssl.models.task import Progress

M = TypeVar("M", bound=nn.Module)


def slow_copy(module: M) -> M:
    """A copy of `module` with frozen parameters."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, momentum: Progress) -> None:
    """slow ← momentum · slow + (1 − momentum) · fast, every parameter (He et al. 2020, eq. 2).

    Buffers are not averaged: each network normalizes by the statistics of its own batches.
    """
    # One fused operation: on a GPU, one operation per parameter would wait for Python.
    mine: list[Tensor] = list(slow.parameters())
    other: list[Tensor] = list(fast.parameters())
    if isinstance(momentum, Tensor):
        steps = torch._foreach_sub(other, mine)
        torch._foreach_mul_(steps, (1 - momentum).to(mine[0].dtype))
        torch._foreach_add_(mine, steps)
    else:
        torch._foreach_lerp_(mine, other, 1 - momentum)
