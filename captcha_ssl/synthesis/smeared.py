"""Style `smeared`: tight black letters, smeared in places, on a gray gradient under lines."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_lines
from captcha_ssl.synthesis.lettering import Lettering, letter_line, upright_face
from captcha_ssl.synthesis.painting import gradient, paint, place

_LOOK = Lettering(
    size=(0.95, 1.05),
    stretch=(0.8, 1.05),
    gap=(-0.12, 0.08),
    turn=6,
    slant=6,
    drift=0.08,
    one_face=0.9,
    faces=upright_face,
)


def draw_smeared(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.6 * canvas.height)), _LOOK)
    ink = place(line, rng, canvas, fill=(0.55, 0.95))
    if rng.random() < 0.85:
        _smear(ink, rng)
    if rng.random() < 0.9:
        draw_lines(ink, rng, rng.randint(1, 3), thick=max(1, canvas.height // 24))
    if rng.random() < 0.3:
        cv2.GaussianBlur(ink, (3, 3), 0.6, ink)
    slope = gradient(rng, canvas, rng.uniform(0, 45))
    return paint(ink, rng, canvas, paper=(185, 240), dark=(0, 50), tint=8, field=slope)


def _smear(ink: Pixels, rng: Random) -> None:
    """Shift every row of some columns a little sideways, and blur the result."""
    width = ink.shape[1]
    for _ in range(rng.randint(1, 2)):
        left = rng.randrange(width)
        right = min(width, left + rng.randint(width // 10, width // 2))
        reach = rng.randint(1, 1 + ink.shape[0] // 20)
        moved = ink[:, left:right]
        shifts = np.array([rng.randint(-reach, reach) for _ in range(ink.shape[0])])
        columns = np.clip(np.arange(right - left) + shifts[:, None], 0, right - left - 1)
        jagged = np.take_along_axis(moved, columns, 1)
        ink[:, left:right] = cv2.addWeighted(moved, 0.35, jagged, 0.65, 0)
