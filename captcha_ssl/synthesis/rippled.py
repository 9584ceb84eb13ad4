"""Style `rippled`: bold black letters as through water, under a hook and a long curve.

It imitates the default pictures of the Java library Kaptcha, whose two distortions are the filters
`RippleFilter` and `WaterFilter` of JH Labs; their equations are below.
"""

from __future__ import annotations

import math
from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.lettering import Lettering, letter_line, upright_face
from captcha_ssl.synthesis.painting import gradient, paint, place

_OWN_HEIGHT = 50
"""Height of Kaptcha's pictures, to which its lengths in pixels belong."""
_RINGS = 50.0
"""Radius of the rings."""
_HOOK, _CURVE = (0.1, 0.1, 0.25, 0.25), (0.1, 0.25, 0.5, 0.9)
"""Where the four points of each noise curve stand, in shares of the width."""
_PIECES = 7


def _bold_face(face: str) -> bool:
    return upright_face(face) and any(mark in face for mark in ("Bold", "Bol.", "BasB", "Black"))


_LOOK = Lettering(
    size=(0.95, 1.05),
    stretch=(0.85, 1.1),
    gap=(-0.14, 0.1),
    turn=2,
    slant=3,
    drift=0.02,
    one_face=0.35,
    faces=_bold_face,
)


def draw_rippled(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    line = letter_line(text, rng, min(96, round(0.6 * canvas.height)), _LOOK)
    # In the middle, the hook crosses the first letter.
    ink = place(line, rng, canvas, fill=(0.65, 0.9), stray=rng.choice((0.25, 0.25, 1)))
    ink = _ripple(_trouble(ink, rng), rng)
    for across in (_HOOK, _CURVE):
        if rng.random() < 0.9:
            _draw_curve(ink, rng, across)
    slope = gradient(rng, canvas, rng.uniform(0, 40))
    return paint(ink, rng, canvas, paper=(195, 240), dark=(0, 40), tint=8, field=slope)


def _trouble(ink: Pixels, rng: Random) -> Pixels:
    """Rings round the middle: a pixel at distance d < r from it is fetched from d + shift(d).

    shift(d) = a λ (1 − d / r) sin(2π d / λ − φ) (WaterFilter). Kaptcha has λ of two pixels:
    letters in the middle are feathered rather than bent.
    """
    height, width = ink.shape
    scale = height / _OWN_HEIGHT
    radius, length = _RINGS * scale * rng.uniform(0.8, 1.3), scale * rng.uniform(1.6, 2.6)
    strength, phase = rng.uniform(0.8, 1.8), rng.uniform(0, 2 * math.pi)
    ys, xs = np.indices(ink.shape, np.float32)
    down = ys - height * rng.uniform(0.4, 0.6)
    along = xs - width * rng.uniform(0.4, 0.6)
    distance = np.sqrt(down**2 + along**2) + 1e-3
    fade = np.clip(1 - distance / radius, 0, None)
    shift = strength * length * fade * np.sin(2 * math.pi * distance / length - phase)
    return _fetch(ink, xs + along * shift / distance, ys + down * shift / distance)


def _ripple(ink: Pixels, rng: Random) -> Pixels:
    """Fetch every pixel from (x + a sin(y / λ), y + b sin(x / μ)) (RippleFilter)."""
    scale = ink.shape[0] / _OWN_HEIGHT
    aside, steep = scale * rng.uniform(1.5, 4.0), scale * rng.uniform(11, 18)
    down, short = scale * rng.uniform(0.8, 2.0), scale * rng.uniform(4.0, 7.0)
    ys, xs = np.indices(ink.shape, np.float32)
    return _fetch(ink, xs + aside * np.sin(ys / steep), ys + down * np.sin(xs / short))


def _fetch(ink: Pixels, xs: np.ndarray, ys: np.ndarray) -> Pixels:
    at = xs.astype(np.float32), ys.astype(np.float32)
    return np.asarray(cv2.remap(ink, *at, cv2.INTER_LINEAR), np.uint8)


def _draw_curve(ink: Pixels, rng: Random, across: tuple[float, ...]) -> None:
    """A cubic Bézier curve in straight pieces, the first of them thicker."""
    height, width = ink.shape
    breadth = rng.uniform(0.5, 0.95) * height / _OWN_HEIGHT
    control = np.array([(share * width, rng.random() * height) for share in across])
    t = np.linspace(0, 1, _PIECES + 1)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    points = (weights @ control).round().astype(np.int32).tolist()
    for piece, (start, end) in enumerate(zip(points, points[1:], strict=False)):
        thick = max(1, round(breadth * max(1.5, 4 - piece)))
        cv2.line(ink, start, end, 255, thick, cv2.LINE_AA)
