"""Cutting windows out of wide images, and joining windows of several images into new ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_INK_SHARE = 0.25
"""A column shows ink from this share of the largest vertical change in the image."""


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


def inked_positions(images: Tensor, count: int, width: int) -> Tensor:
    """Left edges int64 `[count, B]` of crops of `[B, C, H, W]` that show ink in their middle.

    Drawn as `spread_positions` draws them, the k-th from the k-th of `count` equal parts, but of
    those places alone in whose middle half there is ink: neither in the padding of an image that is
    narrower than others nor in its margins. In an image without ink, all positions count.
    """
    batch, _, _, full = images.shape
    span = full - width
    if span <= 0:
        return torch.zeros(count, batch, dtype=torch.long, device=images.device)
    change = (images[:, :, 1:] - images[:, :, :-1]).abs_().amax((1, 2))
    inked = change > _INK_SHARE * change.amax(1, keepdim=True)
    so_far = F.pad(inked.float().cumsum(1), (1, 0))
    first, last = width // 4, width - width // 4
    amount = so_far[:, last : last + span + 1] - so_far[:, first : first + span + 1]
    # A quarter of the middle half is enough; blank positions are used only in blank images.
    places = (amount * (8 / width)).clamp_(max=1).add_(1e-4).cumsum_(1)
    random = torch.rand(batch, count, device=images.device)
    part = torch.arange(count, device=images.device)
    wanted = (part + random) * (places[:, -1:] / count)
    return torch.searchsorted(places, wanted, right=True).clamp_max_(span).T


def jittered(lefts: Tensor, jitter: int, span: int, times: int) -> Tensor:
    """Left edges int64 `[times · count, B]`: `lefts` `[count, B]` so often, each near by.

    Each is moved by up to half of `jitter` pixels, so that no two of a crop are further apart than
    that, and stays in 0…`span`.
    """
    every = lefts.repeat(times, 1)
    far = (jitter + 1) // 2
    moved = torch.rand(every.shape, device=lefts.device) * (jitter + 1)
    return (every + moved.long() - far).clamp_(0, max(0, span))


def cut_all(images: Tensor, lefts: Tensor, width: int, times: int = 1) -> Tensor:
    """`cut` at each row of `lefts` int64 `[count, B]`: `[times · count · B, C, H, width]`."""
    count, (batch, channels, height, full) = len(lefts), images.shape
    columns = (lefts[..., None] + torch.arange(width, device=images.device)).clamp_(0, full - 1)
    places = columns[:, :, None, None].expand(times, -1, -1, channels, height, -1)
    every = images.expand(times, count, -1, -1, -1, -1)
    return every.gather(5, places).view(times * count * batch, channels, height, width)


def join(crops: Tensor, per_image: int) -> Tensor:
    """Put crops `[N, C, H, w]` side by side: `[N / n, C, H, n · w]`, n = `per_image`.

    N must be a multiple of `per_image`.
    """
    count, channels, height, width = crops.shape
    rows = crops.view(count // per_image, per_image, channels, height, width)
    return rows.permute(0, 2, 3, 1, 4).reshape(-1, channels, height, per_image * width)
