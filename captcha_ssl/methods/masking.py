"""Masks that hide parts of an image, and the loss on the hidden parts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.settings import Settings, setting

_SIZES = (4, 8, 16)


class MaskSettings(Settings):
    """The share and the shape of the hidden parts."""

    mask_shape: str = setting(
        "block", "hide square blocks or whole columns of blocks", choices=("block", "column")
    )
    mask_ratio: float = setting(0.7, "share of an image that is hidden", low=0.05, high=0.95)
    mask_size: int = setting(8, "side of a block in pixels: 4, 8 or 16", low=4, high=16)

    def check(self) -> None:
        """Raises UserError for a block size that does not divide the height of an encoder."""
        if self.mask_size not in _SIZES:
            raise UserError(f"mask_size = {self.mask_size}: use 4, 8 or 16")


def fill_blocks(images: Tensor, size: int) -> Tensor:
    """`[B, C, H, W]` with the last column repeated until the width is a multiple of `size`."""
    return F.pad(images, (0, -images.shape[3] % size, 0, 0), mode="replicate")


def random_mask(images: Tensor, settings: MaskSettings) -> Tensor:
    """1.0 where `[B, C, H, W]` is hidden, float `[B, 1, H, W]`; equally many blocks per image.

    Height and width must be multiples of `mask_size`.
    """
    batch, _, height, width = images.shape
    size = settings.mask_size
    rows, columns = height // size, width // size
    drawn = 1 if settings.mask_shape == "column" else rows
    blocks = drawn * columns
    hidden = min(max(1, round(settings.mask_ratio * blocks)), max(1, blocks - 1))
    rank = torch.rand(batch, blocks, device=images.device).argsort(1).argsort(1)
    mask = (rank < hidden).float().view(batch, 1, drawn, columns).expand(-1, -1, rows, -1)
    return mask.repeat_interleave(size, 2).repeat_interleave(size, 3)


def hide(images: Tensor, settings: MaskSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Standardized `[B, C, H, W]` filled to whole blocks, with 0 where it is hidden, and the mask.

    0 is the mean of an image, so that hidden parts have a neutral brightness.
    """
    pixels = fill_blocks(images, settings.mask_size)
    mask = random_mask(pixels, settings)
    return pixels, pixels * (1 - mask), mask


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of `[B, C, H, W]` where the mask `[B, 1, H, W]` is 1."""
    return (values * mask).sum() / (mask.sum() * values.shape[1])


def block_normalized(images: Tensor, size: int) -> Tensor:
    """Every block of float `[B, C, H, W]` to zero mean and unit deviation (He et al., MAE 2022).

    The deviation is at least a tenth of the image's, so that the noise of empty paper is not a
    target.
    """
    batch, channels, height, width = images.shape
    blocks = images.view(batch, channels, height // size, size, width // size, size)
    mean = blocks.mean((1, 3, 5), keepdim=True)
    deviation = blocks.std((1, 3, 5), keepdim=True, correction=0).clamp_min(0.1)
    return ((blocks - mean) / deviation).view(images.shape)
