"""The distance between two computations of the same tensors."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def distance(wanted: Iterable[Tensor], found: Iterable[Tensor]) -> float:
    """‖found − wanted‖ / ‖wanted‖ over tensors end to end, in float64 on the CPU."""
    one, other = (
        torch.cat([part.detach().cpu().double().flatten() for part in tensors])
        for tensors in (wanted, found)
    )
    return float((other - one).norm() / one.norm())
