"""Strokes, lines and dots in the color of the ink, drawn over standardized images.

They stand for the lines and specks of captchas: an encoder that must find two views of one crop
equal although each carries other clutter learns to read past it. A line across that all crops of
an image share would tell them by itself; with other lines over each view it does not.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.warp import uniform

_BEND = 0.02
_HALF_WIDTH = (0.5, 1.5)
_TILT = 0.35
"""Largest angle of a line across, radians."""
_CHANCES = 4
"""Places where a dot may come, for each that is expected: enough to be nearly Poisson."""


def clutter(images: Tensor, settings: ViewSettings) -> Tensor:
    """Draw over standardized `[B, C, H, W]`: up to `strokes` parabolas, each half the time, a line
    across a share `lines` of them, and between 0 and `dots` expected dots of 2x2 pixels.

    All are as strong and as wide as the text that the settings tell of.
    """
    strokes, dots, lines = settings.strokes, settings.dots, settings.lines or 0.0
    if not strokes and not dots and not lines:
        return images
    batch, _, height, width = images.shape
    device, scale = images.device, settings.stroke_scale
    cover = images.new_zeros(batch, height, width)
    for _ in range(strokes):
        cover = torch.maximum(cover, _stroke(batch, height, width, device, scale))
    if lines:
        cover = torch.maximum(cover, _line(batch, height, width, device, scale, lines))
    if dots:
        cover = torch.maximum(cover, _dots(batch, height, width, dots, device, scale))
    if settings.clutter_strength < 1.0:
        cover = cover * settings.clutter_strength
    return torch.lerp(images, ink(images), cover[:, None])


def ink(images: Tensor) -> Tensor:
    """The value of the ink, `[B, C, 1, 1]`: the extreme pixel value farther from the mean."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(-low > high, low, high)


def _stroke(batch: int, height: int, width: int, device: torch.device, scale: float) -> Tensor:
    """How much of each pixel a stroke covers, or none: `[B, H, W]` from 0 to 1."""
    random = torch.rand(batch, 6, 1, 1, device=device)
    angle = random[:, 0] * math.pi
    cos, sin = torch.cos(angle), torch.sin(angle)
    x = torch.arange(width, device=device) - random[:, 1] * width
    y = torch.arange(height, device=device)[:, None] - random[:, 2] * height
    along, across = x * cos + y * sin, y * cos - x * sin
    bend = uniform(batch, device, 1, 1) * _BEND
    across = torch.addcmul(across, along * along, bend, value=-1).abs_()
    half_width = scale * (_HALF_WIDTH[0] + random[:, 3] * (_HALF_WIDTH[1] - _HALF_WIDTH[0]))
    reach = torch.where(random[:, 5] < 0.5, random[:, 4] * width / 2, 0)
    return (1 + half_width - across).clamp_(0, 1).mul_(along.abs_() < reach)


def _line(
    batch: int, height: int, width: int, device: torch.device, scale: float, share: float
) -> Tensor:
    """How much of each pixel a straight line from edge to edge covers, in a `share` of the images:
    `[B, H, W]` from 0 to 1."""
    random = torch.rand(batch, 4, 1, 1, device=device)
    slope = torch.tan((random[:, 0] * 2 - 1) * _TILT)
    x = torch.arange(width, device=device) - width / 2
    y = torch.arange(height, device=device)[:, None] - random[:, 1] * height
    across = torch.addcmul(y, x, slope, value=-1).abs_()
    half_width = scale * (_HALF_WIDTH[0] + random[:, 2] * (_HALF_WIDTH[1] - _HALF_WIDTH[0]))
    return (1 + half_width - across).clamp_(0, 1).mul_(random[:, 3] < share)


def _dots(
    batch: int, height: int, width: int, mean: float, device: torch.device, scale: float
) -> Tensor:
    """1 where a dot lies and 0 elsewhere, `[B, H, W]`; of a smaller scale only one pixel is 1."""
    chances = math.ceil(_CHANCES * mean)
    wanted = torch.rand(batch, 1, device=device) * mean / chances
    lies = torch.rand(batch, chances, device=device) < wanted
    place = torch.randint(height * width, (batch, chances), device=device)
    # A dot that does not come falls on a row below the picture, as one over the edge does.
    row, column = torch.where(lies, place // width, height), place % width
    first = row * (width + 1) + column
    square = torch.cat([first, first + 1, first + width + 1, first + width + 2], 1)
    cover = torch.zeros(batch, height + 2, width + 1, device=device)
    cover = cover.flatten(1)
    if scale < 1.0:
        cover.scatter_(1, square[:, chances:], scale).scatter_(1, first, 1.0)
    else:
        cover.scatter_(1, square, 1.0)
    return cover.view(batch, height + 2, width + 1)[:, :height, :width]
