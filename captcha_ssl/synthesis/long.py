"""Style `long`: a row of small letters in several colors, with wide margins."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_arcs, draw_lines, draw_specks
from captcha_ssl.synthesis.lettering import any_look, letter_line
from captcha_ssl.synthesis.painting import any_color, blend, finish, noise, place, slope, unlike

_FULL_HEIGHT = 80
"""The height at which clutter is as thick as it gets; letters are small in lower pictures."""


def draw_long(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.6 * canvas.height)), any_look(rng))
    ink = place(line, rng, canvas, fill=(0.35, 0.9))
    first = any_color(rng, bright=(150, 255) if rng.random() < 0.75 else (0, 255))
    second = first if rng.random() < 0.5 else np.clip(first + any_color(rng) * 0.3 - 38, 0, 255)
    paper = slope(rng, canvas, first, second)
    thick = 2 if canvas.height >= _FULL_HEIGHT else 1
    behind = np.zeros(ink.shape, np.uint8)
    draw_lines(behind, rng, rng.choice((0, 0, 1, 2)), shade=rng.randint(80, 255), thick=thick)
    draw_arcs(behind, rng, rng.choice((0, 0, 1, 2)), shade=rng.randint(80, 255), thick=thick)
    draw_specks(behind, rng, rng.choice((0, 0, 10, 40)), largest=1)
    picture = blend(paper, any_color(rng), behind)
    picture = blend(picture, _bands(rng, len(text), canvas, first), ink)
    if rng.random() < 0.3:
        above = np.zeros(ink.shape, np.uint8)
        draw_lines(above, rng, 1, shade=rng.randint(120, 255), thick=thick)
        picture = blend(picture, any_color(rng), above)
    if rng.random() < 0.3:
        picture = picture + noise(rng, canvas, rng.uniform(0, 30))
    if rng.random() < 0.2:
        picture = np.asarray(cv2.blur(picture.transpose(1, 2, 0), (2, 2))).transpose(2, 0, 1)
    return finish(picture, canvas)


def _bands(rng: Random, length: int, canvas: Canvas, paper: np.ndarray) -> np.ndarray:
    """Colors that differ from the paper's, side by side over the width: float32 [3, 1, W]."""
    count = 1 if rng.random() < 0.5 else rng.randint(2, max(2, length))
    least = 55 if canvas.channels == 1 else 35
    colors = [unlike(rng, paper, least=least) for _ in range(count)]
    ends = sorted(rng.random() for _ in range(count - 1))
    which = np.searchsorted(np.array(ends), np.linspace(0, 1, canvas.width))
    return np.stack(colors)[which].T[:, None]
