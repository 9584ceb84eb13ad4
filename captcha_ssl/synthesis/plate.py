"""Style `plate`: embossed letters in a frame, lit from one side and seen at an angle."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.clutter import draw_specks
from captcha_ssl.synthesis.lettering import Lettering, letter_line, upright_face
from captcha_ssl.synthesis.painting import (
    any_color,
    blend,
    finish,
    gradient,
    noise,
    place,
    slope,
    unlike,
)


def draw_plate(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    look = Lettering(
        size=(0.97, 1.03),
        stretch=rng.choice(((0.55, 0.7), (0.75, 0.85), (0.95, 1.05))),
        gap=(0.06, 0.28),
        turn=1,
        slant=2,
        drift=0.015,
        one_face=1.0,
        faces=upright_face,
    )
    line = letter_line(text, rng, min(96, round(0.6 * canvas.height)), look)
    ink = place(line, rng, canvas, fill=(0.45, 0.8), stray=0.5)
    pale = any_color(rng, bright=(130, 250) if rng.random() < 0.8 else (20, 120))
    color = unlike(rng, pale, least=50)
    # Embossed letters without paint are visible only by light and shadow.
    painted = rng.random() < 0.8
    paper = slope(rng, canvas, pale, np.clip(pale + rng.uniform(-50, 50), 0, 255))
    picture = blend(paper, color, ink) if painted else paper
    frame = np.zeros_like(ink)
    _draw_frame(frame, rng)
    picture = blend(picture, color if rng.random() < 0.7 else any_color(rng), frame)
    relief = _relief(np.maximum(ink, frame), rng) * rng.uniform(
        *((15, 70) if painted else (70, 130))
    )
    picture = picture + relief + gradient(rng, canvas, rng.uniform(0, 45))
    picture = picture + noise(rng, canvas, rng.uniform(0, 35))
    seen = np.asarray(_turn(np.ascontiguousarray(picture.transpose(1, 2, 0)), rng))
    if rng.random() < 0.5:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, canvas.height / 55)))
    return finish(seen.transpose(2, 0, 1), canvas)


def _relief(body: Pixels, rng: Random) -> np.ndarray:
    """Light on one side of every edge and shadow on the other: float32 [H, W] in −1…1."""
    soft = cv2.GaussianBlur(body, (0, 0), max(0.6, body.shape[0] / 70)).astype(np.float32) / 255
    down, along = rng.uniform(-1, 1), rng.uniform(-1, 1)
    light = along * cv2.Sobel(soft, cv2.CV_32F, 1, 0) + down * cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.asarray(light / max(1e-6, float(np.abs(light).max())), np.float32)


def _draw_frame(frame: Pixels, rng: Random) -> None:
    """A border, bolts and a band at one side, each on some plates."""
    height, width = frame.shape
    inset, thick = (
        rng.randint(0, max(1, height // 14)),
        max(1, round(height * rng.uniform(0.02, 0.06))),
    )
    if rng.random() < 0.6:
        cv2.rectangle(frame, (inset, inset), (width - 1 - inset, height - 1 - inset), 255, thick)
    if rng.random() < 0.3:
        draw_specks(frame, rng, rng.randint(1, 4), largest=max(1, height // 20))
    if rng.random() < 0.2:
        frame[:, : max(2, height // 12)] = rng.randint(120, 255)


def _turn(picture: np.ndarray, rng: Random) -> np.ndarray:
    """A picture [H, W, 3] whose corners are moved a little, its edge continued outward."""
    height, width = picture.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    # The letters keep a distance of about a tenth of the height from the edge.
    reach = np.array([0.03 * width, 0.09 * height]) * rng.random()
    moved = corners + np.array(
        [[rng.uniform(-across, across) for across in reach] for _ in corners], np.float32
    )
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return np.asarray(
        cv2.warpPerspective(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    )
