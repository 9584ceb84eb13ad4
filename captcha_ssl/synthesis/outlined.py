"""Style `outlined`: thin outlines, faint on a gradient, under a thicker line."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_bar, draw_specks
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.painting import Span, any_color, blend, finish, noise, place, slope

_LOOK = Lettering(size=(0.85, 1.15), gap=(0.0, 0.35), turn=20, slant=14, drift=0.15, one_face=0.7)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_FAINT = (34, 110)
"""Difference in brightness between an outline and its paper."""
_THICK, _BLACK = (0.05, 0.09), 40
"""Width of the one line in heights of the picture, and its greatest brightness."""


def draw_outlined(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text` under one thick black line: uint8 [C, H, W].

    The line takes its own course in each picture of a look, as it does in real sources.
    """

    def one_line(bar: Pixels) -> np.ndarray:
        thick = round(canvas.height * rng.uniform(*_THICK))
        draw_bar(bar, Random(rng.getrandbits(64)), thick=max(2, thick))
        return np.full(3, rng.uniform(0, _BLACK), np.float32)

    return _draw(text, rng, canvas, one_line, fill=(0.8, 0.97))


def draw_any_outlined(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text` under up to two lines of any color and width: uint8 [C, H, W]."""

    def some_lines(bar: Pixels) -> np.ndarray:
        for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 2))):
            draw_bar(bar, rng, thick=max(1, round(canvas.height * rng.uniform(0.03, 0.12))))
        if rng.random() < 0.2:
            draw_specks(bar, rng, rng.randint(1, 12), largest=1)
        return any_color(rng, bright=(0, 60) if rng.random() < 0.7 else (0, 255))

    return _draw(text, rng, canvas, some_lines, fill=(0.6, 0.97))


def _draw(
    text: str,
    rng: Random,
    canvas: Canvas,
    clutter: Callable[[Pixels], np.ndarray],
    *,
    fill: Span,
) -> Pixels:
    """Letters under what `clutter` draws into ink [H, W], in the color that it returns."""
    line = letter_line(text, rng, min(96, round(0.75 * canvas.height)), _LOOK)
    body = place(line, rng, canvas, fill=fill)
    outline = body - np.asarray(cv2.erode(body, _CROSS), np.uint8)
    if canvas.height >= 60 and rng.random() < 0.3:
        outline = np.asarray(cv2.dilate(outline, np.ones((2, 2), np.uint8)), np.uint8)
    ink = np.maximum(
        outline, (body * (rng.uniform(0, 0.3) * (rng.random() < 0.4))).astype(np.uint8)
    )
    paper = slope(rng, canvas, any_color(rng), any_color(rng))
    picture = paper + _toward(rng, paper)[:, None, None] * (ink.astype(np.float32) / 255)
    bar = np.zeros(ink.shape, np.uint8)
    tone = clutter(bar)
    picture = blend(picture, tone, bar)
    if rng.random() < 0.3:
        picture = picture + noise(rng, canvas, rng.uniform(0, 14))
    return finish(picture, canvas)


def _toward(rng: Random, paper: np.ndarray) -> np.ndarray:
    """What a full outline adds to each channel: away from the end that the paper is near."""
    away = -1 if paper.mean() > rng.uniform(90, 165) else 1
    contrast = rng.uniform(*_FAINT)
    return np.array([away * contrast * rng.uniform(0.6, 1.4) for _ in range(3)], np.float32)
