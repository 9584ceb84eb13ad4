"""Style `broad`: all styles in many sizes, resized to the canvas.

The shipped model is trained on it. A picture is drawn in color on its own canvas, degraded like
real files, sometimes prepared like a user's images, and then resized as `predict` resizes an image
of that size.
"""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.preparation import Flatten, Gray, Ink, Preparation
from captcha_ssl.synthesis.canvas import Canvas, Draw, Pixels
from captcha_ssl.synthesis.classic import draw_classic
from captcha_ssl.synthesis.clutter import draw_bar
from captcha_ssl.synthesis.cluttered import draw_cluttered
from captcha_ssl.synthesis.dotted import draw_dotted
from captcha_ssl.synthesis.gradual import draw_gradual
from captcha_ssl.synthesis.hollow import draw_hollow
from captcha_ssl.synthesis.jpeg import draw_jpeg, squeeze
from captcha_ssl.synthesis.long import draw_long
from captcha_ssl.synthesis.meter import draw_meter
from captcha_ssl.synthesis.onebit import draw_onebit
from captcha_ssl.synthesis.opencv import draw_fast
from captcha_ssl.synthesis.outlined import draw_any_outlined
from captcha_ssl.synthesis.painting import any_color, blend
from captcha_ssl.synthesis.plain import draw_plain
from captcha_ssl.synthesis.plate import draw_plate
from captcha_ssl.synthesis.rippled import draw_rippled
from captcha_ssl.synthesis.smeared import draw_smeared
from captcha_ssl.synthesis.wavy import draw_wavy

_LOOKS: tuple[tuple[Draw, int], ...] = (
    (draw_classic, 24),
    (draw_fast, 5),
    (draw_plain, 8),
    (draw_smeared, 6),
    (draw_rippled, 18),
    (draw_dotted, 11),
    (draw_hollow, 4),
    (draw_wavy, 6),
    (draw_gradual, 4),
    (draw_cluttered, 6),
    (draw_any_outlined, 9),
    (draw_long, 7),
    (draw_onebit, 10),
    (draw_jpeg, 9),
    (draw_plate, 5),
    (draw_meter, 8),
)
"""Styles and their weights; `classic` is the most common kind of captcha."""
_TOTAL = sum(weight for _, weight in _LOOKS)
_HEIGHTS = (24, 30, 40, 50, 60, 80)
_PREPARED = 0.3
"""Share of the pictures that are prepared, so that the model reads both kinds."""


def draw_broad(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    draw = _choose(rng)
    own = _own_canvas(len(text), rng, classic=draw is draw_classic)
    picture = _wear(draw(text, rng, own), rng)
    image = np.ascontiguousarray(picture.transpose(1, 2, 0))
    if rng.random() < _PREPARED:
        image = any_preparation(rng, image).apply(image)
    # Colors become gray as in `predict`.
    return Geometry(canvas.channels, canvas.height, canvas.width).fit(image)


def any_preparation(rng: Random, image: Pixels) -> Preparation:
    """A random preparation of RGB uint8 [H, W, 3], most often a mild one."""
    kind = rng.random()
    flatten: Flatten = "none" if kind < 0.6 else "closing" if kind < 0.85 else "median"
    # A preparation for the other kind of ink would erase the text.
    ink: Ink = "dark" if float(np.median(image)) >= float(image.mean()) else "light"
    ways: tuple[Gray, ...] = ("luminance", "minimum" if ink == "dark" else "maximum", "direction")
    return Preparation(
        trim="image" if rng.random() < 0.55 else "none",
        margin=rng.choice((0.05, 0.15, 0.3)),
        flatten=flatten,
        ink=ink,
        window=rng.uniform(0.2, 0.6),
        level=rng.uniform(30, 160),
        gray=ways[int(rng.random() * len(ways))],
        direction=_direction(image),
        normalize=rng.uniform(0.5, 1.5) if rng.random() < 0.15 else 0.0,
    )


def _direction(image: Pixels) -> tuple[float, float, float]:
    """The direction in which the colors of RGB uint8 [H, W, 3] differ most from their median."""
    away = np.abs(image.astype(np.float32) - np.median(image, axis=(0, 1))).reshape(-1, 3)
    far = away[away.max(axis=1) >= 0.5 * max(1.0, float(away.max()))]
    mean = far.mean(axis=0) if len(far) else np.ones(3)
    red, green, blue = (float(value) for value in mean / max(1e-6, float(mean.sum())))
    return red, green, blue


def _choose(rng: Random) -> Draw:
    at = rng.random() * _TOTAL
    for draw, weight in _LOOKS:
        at -= weight
        if at < 0:
            return draw
    return draw_classic


def _own_canvas(length: int, rng: Random, *, classic: bool) -> Canvas:
    if classic:
        # The package's own size, which four characters fill.
        return Canvas(3, 60, max(100, 40 * length))
    height = rng.choice(_HEIGHTS)
    aspect = length * rng.uniform(0.5, 0.85) + rng.uniform(0.2, 0.8)
    return Canvas(3, height, max(16, round(height * aspect)))


def _wear(picture: Pixels, rng: Random) -> Pixels:
    """Random degradation of a picture uint8 [3, H, W]; most pictures stay unchanged."""
    if rng.random() < 0.05:
        layer = np.zeros_like(picture[0])
        draw_bar(layer, rng, thick=max(1, round(layer.shape[0] * rng.uniform(0.03, 0.09))))
        crossed = blend(picture.astype(np.float32), any_color(rng), layer)
        picture = np.clip(crossed, 0, 255).astype(np.uint8)
    if rng.random() < 0.14:
        picture = _widen(picture, rng)
    if rng.random() < 0.08:
        small = rng.uniform(0.45, 0.9)
        picture = _scale(_scale(picture, small), 1 / small)
    if rng.random() < 0.15:
        picture = squeeze(picture, rng)
    return 255 - picture if rng.random() < 0.04 else picture


def _widen(picture: Pixels, rng: Random) -> Pixels:
    """A wider margin, up to half of the size on each side."""
    height, width = picture.shape[1:]
    top, bottom = (round(height * rng.uniform(0, 0.45)) for _ in range(2))
    left, right = (round(width * rng.uniform(0, 0.3)) for _ in range(2))
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
    kind = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    tone = np.median(pixels.reshape(-1, 3), axis=0).tolist()
    wide = cv2.copyMakeBorder(pixels, top, bottom, left, right, kind, value=tone)
    return np.ascontiguousarray(np.asarray(wide, np.uint8).transpose(2, 0, 1))


def _scale(picture: Pixels, scale: float) -> Pixels:
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))
