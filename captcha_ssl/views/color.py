"""Mixes colors randomly, so that the color of the ink does not identify an image."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.views.warp import uniform

_SHARPNESS = 2.0
"""How strongly a mixed channel follows one old channel: 0 gives gray, large numbers permute."""
_GAIN, _SHIFT = 0.5, 0.5


def vary_color(images: Tensor, share: float) -> Tensor:
    """Mix the channels of a random `share` of standardized `[B, 3, H, W]`; gray images stay.

    Every new channel is a random average of the old ones, with its own gain and shift. Otherwise an
    encoder could match crops by color alone, and a recognizer with few labels would memorize images
    by color.
    """
    batch, channels = images.shape[:2]
    if channels == 1:
        return images
    device = images.device
    averages = torch.softmax(_SHARPNESS * torch.randn(batch, channels, channels, device=device), 2)
    gain = torch.exp(_GAIN * uniform(batch, device, channels))
    shift = _SHIFT * torch.randn(batch, channels, 1, 1, device=device)
    mixed = torch.einsum("bnc,bchw->bnhw", averages * gain[:, :, None], images) + shift
    chosen = torch.rand(batch, 1, 1, 1, device=device) < share
    return torch.where(chosen, mixed, images)
