"""Judges from pixels whether views still show the text of their images."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.views.clutter import clutter
from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.thickness import vary_thickness
from captcha_ssl.views.tone import vary_tone
from captcha_ssl.views.warp import warp

_COVERED = 0.15
"""The share of a crop that the strokes of its text cover, in print."""


def added_over_text(
    images: Tensor, settings: ViewSettings, contrast: float, width: int | None = None
) -> Tensor:
    """The strength of the clutter and noise of views, relative to the text, `[B]`.

    `images` are standardized float `[B, C, H, W]` with text of that `contrast` in deviations. A
    view is drawn as `random_view` draws it; what clutter, blur and noise change is measured by its
    root mean square, and so is the text.
    """
    still = settings.replace(contrast=0.0, brightness=0.0)
    with torch.no_grad():
        own = warp(images, settings, width)
        if settings.thickness:
            own = vary_thickness(own, settings.thickness, settings.stroke_scale)
        added = vary_tone(clutter(own, still), still) - own
        return added.square().mean((1, 2, 3)).sqrt() / (contrast * _COVERED**0.5)


def fine_detail(images: Tensor) -> Tensor:
    """The root mean square of the differences of neighboring rows and columns, `[B]`."""
    down = (images[..., 1:, :] - images[..., :-1, :]).square().mean((1, 2, 3))
    along = (images[..., 1:] - images[..., :-1]).square().mean((1, 2, 3))
    return ((down + along) / 2).sqrt()
