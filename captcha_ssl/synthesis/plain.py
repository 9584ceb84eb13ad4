"""Style `plain`: separate dark letters on pale paper, each slightly rotated."""

from __future__ import annotations

from random import Random

import cv2

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_specks
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.painting import noise, paint, place

_APART = Lettering(size=(0.85, 1.2), gap=(0.05, 0.5), turn=14, slant=6, drift=0.22, one_face=0.4)
_PRINT = Lettering(size=(1.0, 1.0), gap=(0.02, 0.15), turn=1, slant=4, drift=0.02, one_face=1.0)


def draw_plain(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    look = _PRINT if rng.random() < 0.2 else _APART
    line = letter_line(text, rng, min(96, round(0.7 * canvas.height)), look)
    ink = place(line, rng, canvas, fill=(0.5, 0.9))
    if rng.random() < 0.25:
        draw_specks(ink, rng, rng.randint(3, 20), largest=1)
    if rng.random() < 0.5:
        cv2.GaussianBlur(ink, (3, 3), rng.uniform(0.4, 0.9), ink)
    grain = noise(rng, canvas, rng.uniform(0, 25)) if rng.random() < 0.3 else None
    return paint(ink, rng, canvas, paper=(215, 255), dark=(0, 80), tint=30, field=grain)
