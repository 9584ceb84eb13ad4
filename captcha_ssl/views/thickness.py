"""Thicker, thinner and closed strokes: gray-level morphology on a random share of the images."""

from __future__ import annotations

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
    chosen = torch.randperm(len(images), device=images.device)[: round(share * len(images))]
    if not len(chosen):
        return images
    # Parts of fixed size: each change is computed only where it is used, without waiting for a
    # count from the device.
    before = images[chosen]
    count = -(-len(chosen) // 4)
    eroded, dilated, closed, fine = (before[i * count : (i + 1) * count] for i in range(4))
    # Erosion is the dilation of the negative, so that one dilation serves three of the changes.
    wide = _maximum(torch.cat([-eroded, dilated, closed]), 1, 1)
    part, rest = len(eroded), len(eroded) + len(dilated)
    closing = _maximum(-wide[rest:], 1, 1)
    small = -_maximum(-_maximum(fine, 0, 1), 1, 0)
    changed = torch.cat([-wide[:part], wide[part:rest], -closing, small])
    halved = len(chosen) - len(fine)
    changed[:halved].lerp_(before[:halved], 0.5)
    if strength < 1.0:
        changed = torch.lerp(before, changed, strength)
    return images.index_copy(0, chosen, changed)


def _maximum(images: Tensor, before: int, after: int) -> Tensor:
    """The maximum over a square from `before` pixels left and above to `after` right and below.

    Beyond the edge nothing counts. `[B, C, H, W]` in and out.
    """
    if not len(images):
        return images
    size = before + after + 1
    if pools(images.device):
        pooled = F.max_pool2d(images, size, 1, size // 2)
        rows, columns = images.shape[2:]
        first = size // 2 - before
        return pooled[..., first : first + rows, first : first + columns]
    padded = F.pad(images, (before, after, before, after), mode="replicate")
    wide = _highest([padded[..., i : i + images.shape[-1]] for i in range(size)])
    return _highest([wide[..., i : i + images.shape[-2], :] for i in range(size)])


def pools(device: torch.device) -> bool:
    """Whether torch's pooling is the fastest way: on a CPU it takes twenty times longer."""
    return device.type == "cuda"


def _highest(parts: list[Tensor]) -> Tensor:
    return reduce(torch.maximum, parts)
