"""Pixels for the loop: resident on the device when they fit, fetched by index otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from captcha_ssl.data.images import ImageArray

_SHARE_OF_FREE_MEMORY = 0.5
_PIECE_BYTES = 64 * 2**20


def image_fetcher(images: ImageArray, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function from int64 indices `[B]` to the uint8 images `[B, C, H, W]` on `device`.

    On a GPU the whole array is uploaded once if it takes at most half of the free memory. On the
    CPU, and otherwise, batches are read from the (possibly memory-mapped) array.
    """
    if device.type == "cuda" and images.nbytes <= _free_bytes(device):
        resident = _uploaded(images, device)
        return lambda indices: resident[sent(indices, device)]
    return lambda indices: sent(torch.from_numpy(images[indices.numpy()]), device)


def _uploaded(images: ImageArray, device: torch.device) -> Tensor:
    """A copy of `images` on `device`, in pieces: one is read from the disk while one is sent.

    From pinned memory, which the GPU reads directly; a mapped file would first be copied there.
    """
    resident = torch.empty(images.shape, dtype=torch.uint8, device=device)
    rows = max(1, _PIECE_BYTES // max(1, images[:1].nbytes))
    pinned = device.type == "cuda"
    pieces = [
        torch.empty(
            (min(rows, len(images)), *images.shape[1:]), dtype=torch.uint8, pin_memory=pinned
        )
        for _ in range(2)
    ]
    sent: list[Any] = [None, None]
    for number, first in enumerate(range(0, len(images), rows)):
        piece, turn = pieces[number % 2][: len(images) - first], number % 2
        if sent[turn] is not None:
            sent[turn].synchronize()
        piece.numpy()[:] = images[first : first + rows]
        resident[first : first + rows].copy_(piece, non_blocking=pinned)
        if pinned:
            sent[turn] = torch.cuda.current_stream(device).record_event()
    return resident


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` from the host on `device`, without waiting for its queued work."""
    # A copy from ordinary memory would first wait for all queued work of the GPU.
    held = tensor.pin_memory() if device.type == "cuda" else tensor
    return held.to(device, non_blocking=True)


def _free_bytes(device: torch.device) -> float:
    return torch.cuda.mem_get_info(device)[0] * _SHARE_OF_FREE_MEMORY
