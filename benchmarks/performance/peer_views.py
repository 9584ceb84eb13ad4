"""Views made image by image, as a data loader makes them: Pillow and Python.

The steps of our views that Pillow has in one call: a turn with shear and scale, contrast,
brightness, blur and noise; no elastic warp, no change of thickness and no clutter.
"""

from __future__ import annotations

import math
import random

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor


def peer_view(picture: Image.Image) -> Tensor:
    """A random view of a gray picture, float `[1, H, W]`."""
    picture = picture.transform(
        picture.size,
        Image.Transform.AFFINE,
        _turn(*picture.size),
        resample=Image.Resampling.BILINEAR,
        fillcolor=255,
    )
    picture = ImageEnhance.Contrast(picture).enhance(random.uniform(0.6, 1.6))
    picture = ImageEnhance.Brightness(picture).enhance(random.uniform(0.7, 1.3))
    if random.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(0.7))
    pixels = np.asarray(picture, np.float32) / 255
    pixels = pixels + np.random.normal(0, 0.05, pixels.shape).astype(np.float32)
    return torch.from_numpy((pixels - 0.8) / 0.2)[None]


def _turn(width: int, height: int) -> tuple[float, ...]:
    angle, shear, scale = (random.uniform(-most, most) for most in (0.1, 0.15, 0.1))
    grown = math.exp(scale)
    a, b = math.cos(angle) * grown, (shear - math.sin(angle)) * grown
    d, e = math.sin(angle) * grown, math.cos(angle) * grown
    x, y = width / 2, height / 2
    return (a, b, x - a * x - b * y, d, e, y - d * x - e * y)
