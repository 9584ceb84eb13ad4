"""Average pooling that is fast on a CPU and on a GPU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class AveragePool(nn.Module):
    """Means of `stride` rows and columns; at the border of those that are left."""

    def __init__(self, stride: tuple[int, int]) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` → `[B, C, ⌈H / rows⌉, ⌈W / columns⌉]`."""
        rows, columns = self.stride
        if x.device.type == "cuda" and not (x.shape[2] % rows or x.shape[3] % columns):
            return mean_of_blocks(x, rows, columns)
        return F.avg_pool2d(x, self.stride, ceil_mode=True, count_include_pad=False)


def mean_of_blocks(x: Tensor, rows: int, columns: int) -> Tensor:
    """`[B, C, H, W]` → `[B, C, H / rows, W / columns]`, both channels-last.

    A reduction, whose gradient is a division: on a GPU torch's pooling of channels-last tensors and
    its gradient took a sixth of a step. On a CPU the reduction is the slower one.
    """
    images, channels, height, width = x.shape
    size = (images, height // rows, rows, width // columns, columns, channels)
    return x.permute(0, 2, 3, 1).reshape(size).mean((2, 4)).permute(0, 3, 1, 2)
