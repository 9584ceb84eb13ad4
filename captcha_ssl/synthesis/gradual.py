"""Style `gradual`: letters and paper with gradients of tone, often light on dark."""

from __future__ import annotations

from random import Random

import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_lines, draw_specks
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.painting import gradient, noise, paint, place

_LOOK = Lettering(size=(0.85, 1.15), gap=(-0.05, 0.3), turn=22, slant=12, drift=0.18, one_face=0.6)


def draw_gradual(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.65 * canvas.height)), _LOOK)
    ink = place(line, rng, canvas, fill=(0.55, 0.95)).astype(np.float32)
    ink *= 0.78 + gradient(rng, canvas, 0.22)
    behind = np.zeros(ink.shape, np.uint8)
    draw_specks(behind, rng, rng.randint(0, 6), largest=canvas.height // 5, shade=70)
    draw_lines(behind, rng, rng.randint(0, 2), shade=rng.randint(80, 255), thick=1)
    ink = np.maximum(ink, behind)
    field = gradient(rng, canvas, rng.uniform(0, 50)) + noise(rng, canvas, rng.uniform(0, 30))
    return paint(ink, rng, canvas, paper=(190, 250), dark=(0, 70), inverted=0.45, field=field)
