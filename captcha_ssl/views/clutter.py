"""Strokes, lines and dots in the color of the ink, drawn over standardized images.

They imitate the lines and specks of captchas. Each view gets different clutter, so the encoder
learns to ignore clutter. A line that all crops of an image share would identify them; with
different lines over each view it does not.
"""

from __future__ import annotations

import math
from functools import lru_cache, reduce

import torch
from torch import Tensor

from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.warp import vector

_BEND = 0.02
_HALF_WIDTH = (0.5, 1.5)
_TILT = 0.35
"""Largest angle of a line across, radians."""
_CHANCES = 4
"""Candidate positions per expected dot: enough for a nearly Poisson count."""


def clutter(images: Tensor, settings: ViewSettings) -> Tensor:
    """Draw over standardized `[B, C, H, W]`: up to `strokes` parabolas, each half the time, a line
    across a share `lines` of them, and between 0 and `dots` expected dots of 2x2 pixels.

    All are as strong and as wide as the text, as the settings describe it.
    """
    strokes, dots, lines = settings.strokes, settings.dots, settings.lines or 0.0
    if not strokes and not dots and not lines:
        return images
    batch, _, height, width = images.shape
    device, scale = images.device, settings.stroke_scale
    covers: list[Tensor] = []
    if strokes:
        covers += _strokes(strokes, batch, height, width, device, scale).unbind()
    if lines:
        covers.append(_line(batch, height, width, device, scale, lines))
    if dots:
        covers.append(_dots(batch, height, width, dots, device, scale))
    cover = reduce(torch.maximum, covers)
    if settings.clutter_strength < 1.0:
        cover = cover * settings.clutter_strength
    return torch.lerp(images, ink(images), cover[:, None])


def ink(images: Tensor) -> Tensor:
    """The value of the ink, `[B, C, 1, 1]`: the extreme pixel value farther from the mean."""
    low, high = images.flatten(2).aminmax(dim=2)
    return torch.where(-low > high, low, high)[..., None, None]


def _strokes(
    count: int, batch: int, height: int, width: int, device: torch.device, scale: float
) -> Tensor:
    """The coverage of each pixel by a stroke, zero half the time: `[count, B, H, W]`, 0 to 1."""
    thin, thick = _HALF_WIDTH
    # Angle, center, 1 + half the width, reach (below 0: no stroke) and bend.
    lowest = (0.0, 0.0, 0.0, 1 + scale * thin, -width / 2, -_BEND)
    spans = (math.pi, width, height, scale * (thick - thin), width, 2 * _BEND)
    random = torch.rand(count * batch, 6, device=device)
    drawn = torch.addcmul(vector(lowest, device), random, vector(spans, device))
    cos, sin = torch.cos(drawn[:, :1]), torch.sin(drawn[:, :1])
    turn = torch.cat([cos, sin, -sin, cos], 1).view(-1, 2, 2)
    center = turn @ drawn[:, 1:3, None]
    # Coordinates along and across the stroke from its center: linear in the pixel position.
    places = (torch.cat([turn, -center], 2).view(-1, 3) @ _pixels(height, width, device)).view(
        count, batch, 2, height, width
    )
    along, across = places.unbind(2)
    half_width, reach, bend = drawn[:, 3:].view(count, batch, 3, 1, 1).unbind(2)
    distance = torch.addcmul(across, along * along, bend, value=-1).abs_()
    return (half_width - distance).clamp_(0, 1).mul_(along.abs_() < reach)


@lru_cache(maxsize=64)
def _pixels(height: int, width: int, device: torch.device) -> Tensor:
    """x, y and 1 of every pixel, row by row: `[3, H · W]`."""
    x = torch.arange(width, device=device, dtype=torch.float32).repeat(height)
    y = torch.arange(height, device=device, dtype=torch.float32).repeat_interleave(width)
    return torch.stack([x, y, torch.ones_like(x)])


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
    wanted = torch.empty(batch, 1, device=device).uniform_(0, mean / chances)
    lies = torch.rand(batch, chances, device=device) < wanted
    place = torch.randint(height * width, (batch, chances), device=device)
    # Rows are one pixel longer than the picture's. A dot that does not come falls on a row below
    # the picture, as one over the edge does.
    first = torch.where(lies, place + place // width, height * (width + 1))
    cover = torch.zeros(batch, (height + 2) * (width + 1), device=device)
    square = first[:, :, None] + _square(width, device)
    if scale < 1.0:
        cover.scatter_(1, square[..., 1:].flatten(1), scale).scatter_(1, first, 1.0)
    else:
        cover.scatter_(1, square.view(batch, -1), 1.0)
    return cover.view(batch, height + 2, width + 1)[:, :height, :width]


@lru_cache(maxsize=64)
def _square(width: int, device: torch.device) -> Tensor:
    """Places of the four pixels of a dot, from its first, in rows of `width` + 1: int64 `[4]`."""
    corner = torch.arange(4, device=device)
    return corner % 2 + corner // 2 * (width + 1)
