"""Random affine and elastic deformation about the centre of each image."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.views.settings import ViewSettings

_CONTROL_ROWS, _PIXELS_PER_CONTROL_COLUMN = 4, 10


def warp(images: Tensor, settings: ViewSettings, width: int | None = None) -> Tensor:
    """Deform float `[B, C, H, W]` into `[B, C, H, width]` about the common centre.

    A `width` below W leaves a margin from which rotated corners are filled; beyond the margin
    the border pixel is repeated.
    """
    batch, _, height, full = images.shape
    width = width or full
    y, x = torch.meshgrid(
        _centred(height, images.device), _centred(width, images.device), indexing="ij"
    )
    matrix, offset = _affine(batch, settings, images.device)
    grid = torch.einsum("bij,hwj->bhwi", matrix, torch.stack([x, y], -1)) + offset[:, None, None]
    if settings.elastic:
        grid = grid + _elastic(batch, height, width, settings.elastic, images.device)
    half = torch.tensor([(full - 1) / 2, (height - 1) / 2], device=images.device)
    return F.grid_sample(images, grid / half, padding_mode="border", align_corners=True)


def _affine(batch: int, settings: ViewSettings, device: torch.device) -> tuple[Tensor, Tensor]:
    angle = uniform(batch, device) * math.radians(settings.rotation)
    shear = uniform(batch, device) * settings.shear
    scale_x = torch.exp(uniform(batch, device) * settings.scale)
    # Height varies less than width in print; a character cut at the top cannot be read.
    scale_y = torch.exp(uniform(batch, device) * settings.scale * 0.7)
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = [cos * scale_x, (shear - sin) * scale_y, sin * scale_x, cos * scale_y]
    return torch.stack(rows, -1).view(batch, 2, 2), uniform(batch, device, 2) * settings.shift


def _elastic(batch: int, height: int, width: int, deviation: float, device: torch.device) -> Tensor:
    columns = max(3, width // _PIXELS_PER_CONTROL_COLUMN + 2)
    control = torch.randn(batch, 2, _CONTROL_ROWS, columns, device=device) * deviation
    field = F.interpolate(control, size=(height, width), mode="bilinear", align_corners=True)
    return field.permute(0, 2, 3, 1)


def _centred(size: int, device: torch.device) -> Tensor:
    return torch.arange(size, device=device) - (size - 1) / 2


def uniform(batch: int, device: torch.device, *shape: int) -> Tensor:
    """Uniform numbers in [−1, 1), `[batch, *shape]`."""
    return torch.rand(batch, *shape, device=device) * 2 - 1
