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
        return lambda indices: resident[indices.to(device)]
    return lambda indices: torch.from_numpy(images[indices.numpy()]).to(device, non_blocking=True)


def _free_bytes(device: torch.device) -> float:
    return torch.cuda.mem_get_info(device)[0] * _SHARE_OF_FREE_MEMORY
