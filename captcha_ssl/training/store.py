"""Pixels for the loop: on the device when they fit, fetched by index otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_SHARE_OF_FREE_MEMORY = 0.5


def image_fetcher(images: np.ndarray, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function from int64 indices `[B]` to the uint8 images `[B, C, H, W]` on `device`.

    On a GPU the whole array is uploaded once if it takes at most half of the free memory. On the
    CPU, and otherwise, batches are read from the (possibly memory-mapped) array.
    """
    if device.type == "cuda" and images.nbytes <= _free_bytes(device):
        resident = torch.from_numpy(np.ascontiguousarray(images)).to(device)
        return lambda indices: resident[_sent(indices, device)]
    return lambda indices: _sent(torch.from_numpy(images[indices.numpy()]), device)


def _sent(tensor: Tensor, device: torch.device) -> Tensor:
    # From ordinary memory a copy would first wait for all that the GPU still has to do.
    held = tensor.pin_memory() if device.type == "cuda" else tensor
    return held.to(device, non_blocking=True)


def _free_bytes(device: torch.device) -> float:
    return torch.cuda.mem_get_info(device)[0] * _SHARE_OF_FREE_MEMORY
