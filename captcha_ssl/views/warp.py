"""Random affine and elastic deformation about the center of each image, in one warp.

Both are told at the points of a coarse control grid. Between these the positions are bilinear,
which for the affine part is no approximation.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.views.settings import ViewSettings

_CONTROL_ROWS, _PIXELS_PER_CONTROL_COLUMN = 4, 10


def warp(images: Tensor, settings: ViewSettings, width: int | None = None) -> Tensor:
    """Deform float `[B, C, H, W]` into `[B, C, H, width]` about the common center.

    A `width` below W leaves a margin from which rotated corners are filled; beyond the margin
    the border pixel is repeated.
    """
    batch, _, height, full = images.shape
    width = width or full
    columns = max(3, width // _PIXELS_PER_CONTROL_COLUMN + 2)
    device = images.device
    y, x = _positions(batch, (height, width), (_CONTROL_ROWS, columns), settings, device)
    control = torch.stack([x * (2 / (full - 1)), y * (2 / (height - 1))], -1)
    down = _bilinear(_CONTROL_ROWS, height, device)
    along = _bilinear(columns, width, device, interleaved=2)
    grid = down @ (control.flatten(2) @ along.T)
    grid = grid.view(batch, height, width, 2)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=True)


def _positions(
    batch: int,
    size: tuple[int, int],
    control: tuple[int, int],
    settings: ViewSettings,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Where the control points come from: y and x `[B, rows, columns]`, pixels off the center."""
    angle, shear, wider, higher = uniform(batch, device, 4)[..., None, None].unbind(1)
    angle, shear = angle * math.radians(settings.rotation), shear * settings.shear
    scale_x = torch.exp(wider * settings.scale)
    # Height varies less than width in print; a character cut at the top cannot be read.
    scale_y = torch.exp(higher * settings.scale * 0.7)
    cos, sin = torch.cos(angle), torch.sin(angle)
    y, x = (_centered(*ends, device) for ends in zip(size, control, strict=True))
    y = y[:, None] * scale_y
    x = x * scale_x
    shift = uniform(batch, device, 2, 1, 1) * settings.shift
    from_y = sin * x + cos * y + shift[:, 1]
    from_x = cos * x + (shear - sin) * y + shift[:, 0]
    if not settings.elastic:
        return from_y, from_x
    bend = torch.randn(2, batch, *control, device=device) * settings.elastic
    return from_y + bend[0], from_x + bend[1]


def _centered(size: int, points: int, device: torch.device) -> Tensor:
    """`points` places from one end of `size` pixels to the other, 0 in the middle."""
    half = (size - 1) / 2
    return torch.linspace(-half, half, points, device=device)


@lru_cache(maxsize=64)
def _bilinear(points: int, size: int, device: torch.device, interleaved: int = 1) -> Tensor:
    """Weights `[size · n, points · n]` of control points for pixels; ends fall on ends.

    For n `interleaved` channels in the last place each has these weights and the others none.
    """
    at = torch.linspace(0, points - 1, size, device=device)[:, None]
    weights = (1 - (at - torch.arange(points, device=device)).abs()).clamp_min(0)
    return torch.kron(weights, torch.eye(interleaved, device=device))


def uniform(batch: int, device: torch.device, *shape: int) -> Tensor:
    """Uniform numbers in [−1, 1), `[batch, *shape]`."""
    return torch.rand(batch, *shape, device=device) * 2 - 1
