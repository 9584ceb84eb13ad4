"""Style `dotted`: slanted letters and waves made of dots, among stray specks, in one color."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import dotted, draw_specks, draw_waves
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.painting import paint, place

_LOOK = Lettering(size=(0.85, 1.15), gap=(-0.25, 0.1), turn=16, slant=24, drift=0.28, one_face=0.8)
_WAVES = (0, 1, 1, 1, 2)
"""The number of waves; one is most common."""
_SQUARE = np.ones((2, 2), np.uint8)
_LOWEST = 44


def draw_dotted(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.5 * canvas.height)), _LOOK)
    ink = place(line, rng, canvas, fill=(0.5, 0.9))
    draw_waves(ink, rng, rng.choice(_WAVES), thick=max(1, canvas.height // 20))
    if rng.random() < 0.5:
        cv2.dilate(ink, _SQUARE, ink)
    # A low picture has no room for legible dots.
    if canvas.height >= _LOWEST:
        ink = dotted(ink, rng, rng.randint(2, max(2, canvas.height // 25)))
    specks = np.zeros_like(ink)
    draw_specks(specks, rng, rng.randint(0, 25), largest=max(1, canvas.height // 28))
    return paint(np.maximum(ink, specks), rng, canvas, paper=(225, 255), dark=(0, 140), tint=60)
