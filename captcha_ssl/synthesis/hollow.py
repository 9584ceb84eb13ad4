"""Style `hollow`: outlined letters, filled with a paler tone or not filled."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_arcs, draw_lines
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.painting import noise, paint, place

_LOOK = Lettering(size=(0.9, 1.15), gap=(-0.05, 0.2), turn=15, slant=12, drift=0.12)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def draw_hollow(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.7 * canvas.height)), _LOOK)
    body = place(line, rng, canvas, fill=(0.7, 0.97))
    ink = np.asarray(cv2.morphologyEx(body, cv2.MORPH_GRADIENT, _CROSS), np.uint8)
    if rng.random() < 0.6:
        ink = np.maximum(ink, (body * rng.uniform(0, 0.5)).astype(np.uint8))
    if rng.random() < 0.5:
        draw_lines(ink, rng, rng.randint(1, 2), shade=rng.randint(90, 200), thick=1)
    if rng.random() < 0.4:
        draw_arcs(ink, rng, rng.randint(1, 2), shade=rng.randint(90, 200), thick=1)
    grain = noise(rng, canvas, rng.uniform(0, 30)) if rng.random() < 0.3 else None
    return paint(ink, rng, canvas, dark=(0, 90), inverted=0.3, field=grain)
