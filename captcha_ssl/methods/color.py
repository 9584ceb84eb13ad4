"""Colors as lightness and two opponent axes."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.views.warp import vector

_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""Linear sRGB → XYZ (IEC 61966-2-1), by rows."""

_WHITE = (0.950456, 1.0, 1.088754)
"""XYZ of white under D65."""


def to_lab(images: Tensor) -> Tensor:
    """sRGB uint8 `[B, 3, H, W]` → CIE 1976 L*a*b* float32 `[B, 3, H, W]`.

    L in 0…100; a (green to red) and b (blue to yellow) within about ±110. Gray has a = b = 0.
    """
    with torch.autocast(images.device.type, enabled=False):
        value = images.float() / 255
        linear = torch.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
        matrix = _from_linear(images.device)
        xyz = torch.einsum("dc,bchw->bdhw", matrix, linear)
        root = xyz.clamp_min(0.008856) ** (1 / 3)
        x, y, z = torch.where(xyz > 0.008856, root, 7.787 * xyz + 16 / 116).unbind(1)
        return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def from_lab(lab: Tensor) -> Tensor:
    """CIE 1976 L*a*b* `[B, 3, H, W]` → sRGB float32, clipped to 0…1."""
    with torch.autocast(lab.device.type, enabled=False):
        lightness, a, b = lab.float().unbind(1)
        y = (lightness + 16) / 116
        root = torch.stack([y + a / 500, y, y - b / 200], 1)
        xyz = torch.where(root**3 > 0.008856, root**3, (root - 16 / 116) / 7.787)
        matrix = _from_linear(lab.device)
        linear = torch.einsum("dc,bchw->bdhw", torch.linalg.inv(matrix), xyz).clamp(0, 1)
        curved = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
        return torch.where(linear > 0.0031308, curved, linear * 12.92)


def _from_linear(device: torch.device) -> Tensor:
    """Linear sRGB → XYZ with white at 1, float32 `[3, 3]`."""
    return vector(sum(_XYZ, ()), device).view(3, 3) / vector(_WHITE, device)[:, None]
