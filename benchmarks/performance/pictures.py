"""What training is measured on."""

from __future__ import annotations

import numpy as np

from captcha_ssl.synthesis.pool import draw_chunk
from captcha_ssl.synthesis.settings import PictureSettings

HEIGHT, WIDTH = 32, 88
"""Pixels of the images: those of `generate`'s default size as `pretrain` reads it."""


def pictures(count: int) -> np.ndarray:
    """Gray pictures uint8 `[count, 1, 32, 88]`."""
    settings = PictureSettings(style="fast", height=HEIGHT, width=WIDTH, channels=1)
    return draw_chunk(settings, range(count))[0]
