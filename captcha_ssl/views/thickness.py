"""Thicker, thinner and closed strokes: gray-level morphology on a random share of the images."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor


def vary_thickness(images: Tensor, share: float, strength: float = 1.0) -> Tensor:
    """Apply one of four morphological changes to a random `share` of float `[B, C, H, W]`.

    Half-strength dilation and erosion by 3x3, half-strength closing by 3x3, and closing by 2x2,
    which removes specks no wider than a pixel. A `strength` below 1 takes only that part of the
    change, so that no stroke as thin as a speck is lost. On dark ink dilation thins and erosion
    thickens.
    """
    changed = torch.randperm(len(images), device=images.device)[: round(share * len(images))]
    varied = images.clone()
    # Parts of fixed size: each change is computed only where it is used, without asking the
    # device how many images it befell.
    for change, part in zip(_CHANGES, changed.chunk(len(_CHANGES)), strict=False):
        varied[part] = change(images[part])
    return varied if strength == 1.0 else torch.lerp(images, varied, strength)


def _maximum(images: Tensor, before: int, after: int) -> Tensor:
    """The maximum over a square from `before` pixels left and above to `after` right and below."""
    size = before + after + 1
    padded = F.pad(images, (before, after, before, after), mode="replicate")
    wide = _highest([padded[..., i : i + images.shape[-1]] for i in range(size)])
    return _highest([wide[..., i : i + images.shape[-2], :] for i in range(size)])


def _highest(parts: list[Tensor]) -> Tensor:
    return reduce(torch.maximum, parts)


def _dilate(images: Tensor) -> Tensor:
    return _maximum(images, 1, 1)


def _erode(images: Tensor) -> Tensor:
    return -_maximum(-images, 1, 1)


def _close_small(images: Tensor) -> Tensor:
    return -_maximum(-_maximum(images, 0, 1), 1, 0)


_CHANGES: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda images: (_dilate(images) + images) / 2,
    lambda images: (_erode(images) + images) / 2,
    lambda images: (_erode(_dilate(images)) + images) / 2,
    _close_small,
)
