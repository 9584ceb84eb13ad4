"""Random affine and elastic deformation about the center of each image, in one warp.

Both are defined at the points of a coarse control grid. Between these, positions are interpolated
bilinearly, which is exact for the affine part.
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
    size, points = (height, width), (_CONTROL_ROWS, columns)
    control = _positions(batch, size, points, settings, device)
    # grid_sample counts from −1 to 1.
    control = control * vector((2 / (full - 1), 2 / (height - 1)), device)
    down = _bilinear(_CONTROL_ROWS, height, device)
    along = _bilinear(columns, width, device, interleaved=2)
    grid = down @ (control.view(batch, _CONTROL_ROWS, -1) @ along.T)
    grid = grid.view(batch, height, width, 2)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=True)


def _positions(
    batch: int,
    size: tuple[int, int],
    points: tuple[int, int],
    settings: ViewSettings,
    device: torch.device,
) -> Tensor:
    """Where the control points come from: x and y `[B, rows · columns, 2]`, pixels off the center.

    With scales a and b, angle φ, shear s and a shift, (x, y) comes from
    (cos φ · a x + (s − sin φ) · b y, sin φ · a x + cos φ · b y).
    """
    # Print varies less in height than in width, and a character cut at the top is illegible.
    scales = settings.scale, settings.scale * 0.7
    limits = (math.radians(settings.rotation), settings.shear, *scales, *[settings.shift] * 2)
    drawn = uniform(batch, device, 6).mul_(vector(limits, device))
    angle, shear = drawn[:, :1], drawn[:, 1:2]
    cos, sin, wider = torch.cos(angle), torch.sin(angle), torch.exp(drawn[:, 2:4])
    of_x = torch.cat([cos, sin], 1) * wider[:, :1]
    of_y = torch.cat([shear - sin, cos], 1) * wider[:, 1:]
    parts = torch.stack([of_x, of_y, drawn[:, 4:]], 1)
    positions = _control_points(size, points, device) @ parts
    if not settings.elastic:
        return positions
    return torch.add(positions, torch.randn_like(positions), alpha=settings.elastic)


@lru_cache(maxsize=64)
def _control_points(size: tuple[int, int], points: tuple[int, int], device: torch.device) -> Tensor:
    """x, y and 1 of the control points, row by row: `[rows · columns, 3]`."""
    y, x = (_centered(*ends, device) for ends in zip(size, points, strict=True))
    places = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([places[1], places[0], torch.ones_like(places[0])], -1).view(-1, 3)


@lru_cache(maxsize=64)
def vector(values: tuple[float, ...], device: torch.device) -> Tensor:
    """The values as float32 `[n]`, cached on the device: sending them makes Python wait."""
    if torch.compiler.is_compiling():
        # The compiler traces it at every call, and treats these as constants.
        return torch.stack([torch.full((), value, device=device) for value in values])
    return torch.tensor(values, device=device)


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
    return torch.empty(batch, *shape, device=device).uniform_(-1, 1)
