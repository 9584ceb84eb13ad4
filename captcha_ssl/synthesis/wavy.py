"""Style `wavy`: text and paper bent by waves, under arcs and waves."""

from __future__ import annotations

import math
from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_arcs, draw_waves
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.painting import gradient, paint, place

_LOOK = Lettering(size=(0.9, 1.1), gap=(-0.08, 0.15), turn=8, slant=14, drift=0.08, one_face=0.9)


def draw_wavy(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.65 * canvas.height)), _LOOK)
    ink = place(line, rng, canvas, fill=(0.55, 0.85))
    before = rng.random() < 0.5
    if before:
        draw_waves(ink, rng, rng.randint(0, 2), shade=rng.randint(140, 255))
    ink = _bend(ink, rng)
    if not before:
        draw_arcs(ink, rng, rng.randint(0, 3), shade=rng.randint(120, 255))
    slope = gradient(rng, canvas, rng.uniform(0, 30))
    return paint(ink, rng, canvas, dark=(0, 120), inverted=0.25, field=slope)


def _bend(ink: Pixels, rng: Random) -> Pixels:
    """Displace every pixel by one sine along the width and one along the height."""
    height, width = ink.shape
    xs, ys = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    long, short = rng.uniform(0.6, 2.2), rng.uniform(0.3, 1.0)
    # The steeper of the two must not fold a stroke back on itself.
    down = rng.uniform(0.3, 1) * min(0.12 * height, 0.45 * width / (2 * math.pi * long))
    along = rng.uniform(0.2, 1) * min(0.10 * height, 0.45 * height / (2 * math.pi * short))
    wave = down * np.sin(2 * math.pi * long * xs / width + rng.uniform(0, 6.3))
    sway = along * np.sin(2 * math.pi * short * ys / height + rng.uniform(0, 6.3))
    to_x = (xs[None] + sway[:, None]).astype(np.float32)
    to_y = (ys[:, None] + wave[None]).astype(np.float32)
    return np.asarray(cv2.remap(ink, to_x, to_y, cv2.INTER_LINEAR), np.uint8)
