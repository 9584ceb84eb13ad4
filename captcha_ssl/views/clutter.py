"""Strokes and dots in the colour of the ink, drawn over standardised images.

They stand for the lines and specks of captchas: an encoder that must find two views of one crop
equal although each carries other clutter learns to read past it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.views.warp import uniform

_BEND = 0.02
_HALF_WIDTH = (0.5, 1.5)


def ink(images: Tensor) -> Tensor:
    """The value of the ink, `[B, C, 1, 1]`: the extreme pixel value farther from the mean."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(-low > high, low, high)


def draw_strokes(images: Tensor, most: int) -> Tensor:
    """Draw up to `most` parabolic strokes over standardised `[B, C, H, W]`, each half the time."""
    batch, _, height, width = images.shape
    y = torch.arange(height, device=images.device).view(1, height, 1)
    x = torch.arange(width, device=images.device).view(1, 1, width)
    colour, drawn = ink(images), images
    for _ in range(most):
        drawn = torch.lerp(drawn, colour, _stroke(batch, x, y)[:, None])
    return drawn


def _stroke(batch: int, x: Tensor, y: Tensor) -> Tensor:
    device = x.device
    height, width = y.numel(), x.numel()
    random = torch.rand(batch, 6, device=device)[..., None, None]
    angle = random[:, 0] * math.pi
    dx, dy = x - random[:, 1] * width, y - random[:, 2] * height
    along = dx * torch.cos(angle) + dy * torch.sin(angle)
    across = dy * torch.cos(angle) - dx * torch.sin(angle)
    bend = uniform(batch, device, 1, 1) * _BEND
    half_width = _HALF_WIDTH[0] + random[:, 3] * (_HALF_WIDTH[1] - _HALF_WIDTH[0])
    mask = 1 - ((across - bend * along**2).abs() - half_width).clamp(0, 1)
    return mask * (along.abs() < random[:, 4] * width / 2) * (random[:, 5] < 0.5)


def strew_dots(images: Tensor, mean: float) -> Tensor:
    """Strew 2x2-pixel dots over standardised `[B, C, H, W]`, between 0 and `mean` expected."""
    batch, _, height, width = images.shape
    density = torch.rand(batch, 1, 1, 1, device=images.device) * mean / (height * width)
    seeds = (torch.rand(batch, 1, height, width, device=images.device) < density).float()
    return torch.lerp(images, ink(images), F.max_pool2d(F.pad(seeds, (0, 1, 0, 1)), 2, 1))
