"""Contrast, brightness, blur and noise of standardized images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.warp import uniform


def vary_tone(images: Tensor, settings: ViewSettings) -> Tensor:
    """Change contrast and brightness, blur some, add noise; float `[B, C, H, W]` in and out."""
    batch, device = len(images), images.device
    contrast = torch.exp(uniform(batch, device, 1, 1, 1) * settings.contrast)
    brightness = torch.randn(batch, 1, 1, 1, device=device) * settings.brightness
    toned = torch.addcmul(brightness, images, contrast)
    if settings.blur:
        toned = _blur_some(toned, settings.blur)
    if settings.noise:
        deviation = torch.rand(batch, 1, 1, 1, device=device) * settings.noise
        toned = torch.addcmul(toned, torch.randn_like(toned), deviation)
    return toned


def _blur_some(images: Tensor, share: float) -> Tensor:
    """Average over 3x3 pixels in a random `share` of `[B, C, H, W]`, which is changed in place."""
    some = torch.randperm(len(images), device=images.device)[: round(share * len(images))]
    blurred = F.avg_pool2d(F.pad(images[some], (1, 1, 1, 1), mode="replicate"), 3, 1)
    return images.index_copy_(0, some, blurred)
