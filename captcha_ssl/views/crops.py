"""Cutting windows out of wide images, and joining windows of several images into new ones."""

from __future__ import annotations

import torch
from torch import Tensor


def cut(images: Tensor, left: Tensor, width: int) -> Tensor:
    """Cut `[B, C, H, width]` from `[B, C, H, W]` at pixel columns `left` int64 `[B]`.

    Columns beyond an edge repeat the edge column.
    """
    batch, channels, height, full = images.shape
    columns = left[:, None] + torch.arange(width, device=images.device)
    columns = columns.clamp(0, full - 1)[:, None, None, :]
    return images.gather(3, columns.expand(batch, channels, height, width))


def spread_positions(batch: int, count: int, span: int, device: torch.device) -> Tensor:
    """Left edges int64 `[count, batch]` in 0…span, the k-th in the k-th of `count` equal parts.

    Crops of one image then seldom overlap, so that few negatives show the same pixels.
    """
    part = torch.arange(count, device=device)[:, None]
    random = torch.rand(count, batch, device=device)
    return ((part + random) * (span + 1) / count).long().clamp_max(span)


def join(crops: Tensor, per_image: int) -> Tensor:
    """Put crops `[N, C, H, w]` side by side: `[N / n, C, H, n · w]`, n = `per_image`.

    N must be a multiple of `per_image`.
    """
    count, channels, height, width = crops.shape
    rows = crops.view(count // per_image, per_image, channels, height, width)
    return rows.permute(0, 2, 3, 1, 4).reshape(-1, channels, height, per_image * width)
