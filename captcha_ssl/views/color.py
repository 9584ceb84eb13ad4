"""Colors mixed anew, so that the color of the ink cannot tell one image from another."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.views.warp import uniform

_SHARPNESS = 2.0
"""How far a mixed channel leans to one of the old ones: 0 is gray, large numbers permute."""
_GAIN, _SHIFT = 0.5, 0.5


def vary_color(images: Tensor, share: float) -> Tensor:
    """Mix the channels of a random `share` of standardized `[B, 3, H, W]`; gray images stay.

    Every new channel is a random average of the old ones, with a gain and a shift of its own. An
    encoder that must know a crop again among others would otherwise do so by its color alone,
    and a recognizer with few labels learns images by heart by theirs.
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
