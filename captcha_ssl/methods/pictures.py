"""Arranges pieces of an image as one picture for a person."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_GAP = 2


def side_by_side(pieces: Sequence[Tensor] | Tensor) -> Tensor:
    """Float pieces `[B, C, H, w]` from left to right, `[B, C, H, Σw + gaps]`; NaN in the gaps."""
    gap = torch.full_like(pieces[0][..., :1], torch.nan).expand(-1, -1, -1, _GAP)
    parts = [part for piece in pieces for part in (gap, piece)]
    return torch.cat(parts[1:], 3)
