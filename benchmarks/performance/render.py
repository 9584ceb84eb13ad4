"""Rendering to arrays on one core, beside the `captcha` package."""

from __future__ import annotations

import random
from importlib.metadata import version

import cv2
import numpy as np
from captcha.image import ImageCaptcha

from benchmarks.performance.ratio import Ratio, rates
from captcha_ssl.synthesis.pool import draw_chunk, split_chunks
from captcha_ssl.synthesis.settings import PictureSettings


def measure(small: bool) -> list[Ratio]:
    """Pictures 160×60 in color with 4 characters, as uint8 arrays."""
    cv2.setNumThreads(1)
    settings, package = PictureSettings(style="fast"), ImageCaptcha()

    def ours(count: int) -> None:
        for chunk in split_chunks(settings, range(count)):
            draw_chunk(settings, chunk)

    def peer(count: int) -> None:
        for _ in range(count):
            np.asarray(package.generate_image("".join(random.choices(settings.charset, k=4))))

    # Until every bent character of every font has been drawn once.
    ours(50 if small else 20_000)
    counts = (100, 10) if small else (20_000, 1_000)
    beside = f"captcha {version('captcha')}"
    return [
        Ratio("render, one core", *rates(ours, peer, counts), "images/s", beside, goal=15),
    ]
