"""Style `jpeg`: colored letters under lines, compressed as low-quality JPEG, sometimes twice."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_arcs, draw_lines, draw_specks
from captcha_ssl.synthesis.lettering import any_look, letter_line
from captcha_ssl.synthesis.painting import any_color, blend, finish, noise, place, slope, unlike

_QUALITY = (10, 70)


def draw_jpeg(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.7 * canvas.height)), any_look(rng))
    ink = place(line, rng, canvas, fill=(0.5, 0.95))
    pale = any_color(rng, bright=(170, 255) if rng.random() < 0.8 else (0, 255))
    paper = slope(rng, canvas, pale, np.clip(pale + rng.uniform(-40, 40), 0, 255))
    clutter = np.zeros_like(ink)
    draw_lines(clutter, rng, rng.randint(0, 3), shade=rng.randint(80, 255))
    draw_arcs(clutter, rng, rng.randint(0, 1), shade=rng.randint(80, 255))
    draw_specks(clutter, rng, rng.choice((0, 0, 20, 60)), largest=1)
    layers = [(unlike(rng, pale, least=60), ink), (any_color(rng), clutter)]
    if rng.random() < 0.5:
        layers.reverse()
    picture = paper
    for color, layer in layers:
        picture = blend(picture, color, layer)
    if rng.random() < 0.4:
        picture = picture + noise(rng, canvas, rng.uniform(0, 40))
    drawn = finish(picture, canvas)
    return squeeze(drawn, rng) if rng.random() < 0.8 else squeeze(squeeze(drawn, rng), rng)


def squeeze(picture: Pixels, rng: Random) -> Pixels:
    """A picture uint8 [C, H, W] after JPEG compression with chroma subsampling."""
    options = [cv2.IMWRITE_JPEG_QUALITY, rng.randint(*_QUALITY)]
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0)[..., ::-1])
    _, stored = cv2.imencode(".jpg", pixels, options)
    kind = cv2.IMREAD_GRAYSCALE if picture.shape[0] == 1 else cv2.IMREAD_COLOR
    read = np.asarray(cv2.imdecode(stored, kind), np.uint8)
    read = read.reshape(*read.shape[:2], -1)[..., ::-1]
    return np.ascontiguousarray(read.transpose(2, 0, 1))
