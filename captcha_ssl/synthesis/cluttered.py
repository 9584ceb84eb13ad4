"""Style `cluttered`: letters among lines, arcs, a grid, specks and noise in the same tone."""

from __future__ import annotations

from random import Random

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_arcs, draw_grid, draw_lines, draw_specks
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.painting import noise, paint, place

_LOOK = Lettering(size=(0.85, 1.15), gap=(-0.1, 0.2), turn=24, slant=14, drift=0.15, one_face=0.6)


def draw_cluttered(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.65 * canvas.height)), _LOOK)
    ink = place(line, rng, canvas, fill=(0.6, 0.95))
    if rng.random() < 0.3:
        draw_grid(ink, rng, shade=rng.randint(50, 140))
    draw_lines(ink, rng, rng.randint(0, 4), shade=rng.randint(90, 255), thick=1)
    draw_arcs(ink, rng, rng.randint(0, 2), shade=rng.randint(90, 255))
    area = canvas.height * canvas.width
    draw_specks(ink, rng, rng.randint(0, area // 120), largest=1, shade=rng.randint(100, 255))
    grain = noise(rng, canvas, rng.uniform(0, 70))
    return paint(ink, rng, canvas, dark=(0, 100), tint=60, inverted=0.15, field=grain)
