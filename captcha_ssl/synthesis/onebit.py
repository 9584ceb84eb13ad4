"""Style `onebit`: only two tones, by a threshold or by dithering."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np
from PIL import Image

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_arcs, draw_bar, draw_lines, draw_specks
from captcha_ssl.synthesis.lettering import any_look, letter_line
from captcha_ssl.synthesis.painting import any_color, blend, finish, gradient, noise, place, unlike

_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)
"""Order in which the pixels of a 4 × 4 cell turn dark (Bayer 1973)."""
_WAYS = ("threshold",) * 5 + ("ordered", "diffused", "random")


def draw_onebit(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.7 * canvas.height)), any_look(rng))
    ink = place(line, rng, canvas, fill=(0.55, 0.95))
    thick = max(1, canvas.height // 30)
    draw_lines(ink, rng, rng.choice((0, 0, 0, 1, 2)), thick=thick)
    draw_arcs(ink, rng, rng.choice((0, 0, 0, 1)), thick=thick)
    if rng.random() < 0.1:
        draw_bar(ink, rng, thick=thick + 1)
    share = to_one_bit(ink, rng, canvas)
    specks = np.zeros_like(ink)
    area = canvas.height * canvas.width
    draw_specks(specks, rng, rng.choice((0, 0, area // 400, area // 120)), largest=0)
    share = np.where(specks > 0, 255 - share if rng.random() < 0.5 else 255, share)
    dark, pale = np.zeros(3, np.float32), np.full(3, 255, np.float32)
    if rng.random() < 0.25:
        pale = any_color(rng, bright=(120, 255))
        dark = unlike(rng, pale, least=90)
    if rng.random() < 0.2:
        dark, pale = pale, dark
    paper = np.broadcast_to(pale[:, None, None], (3, *ink.shape))
    return finish(blend(paper, dark, share.astype(np.uint8)), canvas)


def to_one_bit(ink: Pixels, rng: Random, canvas: Canvas) -> Pixels:
    """Ink 0…255 [H, W] as 0 or 255, in one of four ways."""
    way = _WAYS[int(rng.random() * len(_WAYS))]
    if way == "threshold":
        tone = ink.astype(np.float32) + noise(rng, canvas, rng.choice((0, 0, 60, 140)))
        return np.where(tone > rng.uniform(70, 180), 255, 0).astype(np.uint8)
    # A little gray in the paper and a little paper in the letters, which dithering makes dots of.
    tone = rng.uniform(0, 0.22) * 255 + ink.astype(np.float32) * rng.uniform(0.55, 0.85)
    tone = np.clip(tone + gradient(rng, canvas, rng.uniform(0, 35)), 0, 255)
    if way == "random":
        return np.where(tone > 128 + noise(rng, canvas, rng.uniform(60, 130)), 255, 0).astype(
            np.uint8
        )
    if way == "ordered":
        cells = -(-canvas.height // 4), -(-canvas.width // 4)
        levels = np.tile((_BAYER + 0.5) * 16, cells)[: canvas.height, : canvas.width]
        if rng.random() < 0.3:
            levels = np.asarray(cv2.flip(levels, rng.choice((-1, 0, 1))))
        return np.where(tone > levels, 255, 0).astype(np.uint8)
    return np.asarray(Image.fromarray(tone.astype(np.uint8)).convert("1"), np.uint8) * np.uint8(255)
