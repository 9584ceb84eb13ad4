"""Contrast, brightness, blur and noise of standardized images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.views.settings import ViewSettings


def vary_tone(images: Tensor, settings: ViewSettings) -> Tensor:
    """Change contrast and brightness, blur some, add noise; float `[B, C, H, W]` in and out."""
    batch, device = len(images), images.device
    contrast, brightness = torch.empty(2, batch, 1, 1, 1, device=device).unbind()
    contrast.uniform_(-settings.contrast, settings.contrast).exp_()
    brightness.normal_(0, settings.brightness * settings.faintness)
    toned = torch.addcmul(brightness, images, contrast)
    if settings.blur:
        toned = _blur_some(toned, settings.blur, settings.stroke_scale)
    if settings.noise:
        deviation = torch.empty(batch, 1, 1, 1, device=device)
        deviation.uniform_(0, settings.noise * settings.faintness)
        toned = torch.addcmul(toned, torch.randn_like(toned), deviation)
    return toned


def _blur_some(images: Tensor, share: float, strength: float) -> Tensor:
    """Average over 3x3 pixels in a random `share` of `[B, C, H, W]`, which is changed in place.

    A `strength` below 1 takes only that part of the change.
    """
    some = torch.randperm(len(images), device=images.device)[: round(share * len(images))]
    sharp = images[some]
    blurred = F.avg_pool2d(F.pad(sharp, (1, 1, 1, 1), mode="replicate"), 3, 1)
    if strength < 1.0:
        blurred = torch.lerp(sharp, blurred, strength)
    return images.index_copy_(0, some, blurred)
