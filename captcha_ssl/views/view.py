"""One random view of a batch: warp, thickness, clutter, color, tone, in this order."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.views.clutter import clutter
from captcha_ssl.views.color import vary_color
from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.thickness import vary_thickness
from captcha_ssl.views.tone import vary_tone
from captcha_ssl.views.warp import warp


def random_view(images: Tensor, settings: ViewSettings, width: int | None = None) -> Tensor:
    """A view of standardized float `[B, C, H, W]`, `[B, C, H, width]`; random by torch's RNG.

    Left-to-right order and, up to `settings.shift` and the elastic part, the place of every
    stroke are kept, so that frames of two views correspond.
    """
    # Coordinates in bfloat16 would be off by a quarter of a pixel.
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        view = warp(images, settings, width)
        if settings.thickness:
            view = vary_thickness(view, settings.thickness, settings.stroke_scale)
        view = clutter(view, settings)
        if settings.color:
            view = vary_color(view, settings.color)
        return vary_tone(view, settings)
