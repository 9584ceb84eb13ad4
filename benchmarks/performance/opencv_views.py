"""Our views as OpenCV and numpy make them, image by image: every step, at the same strengths.

This is what a loader with processes would run on each core. No gradient is asked of a view, so
nothing but speed decides between this and the batched tensors of `captcha_ssl.views`.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from captcha_ssl.views.settings import ViewSettings

Picture = np.ndarray
_CONTROL = 4, 10
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
_SMALL = cv2.getStructuringElement(cv2.MORPH_RECT, (2, 2))
_NONE = np.empty(0, np.float32)


def opencv_view(picture: Picture, rng: np.random.Generator, settings: ViewSettings) -> Picture:
    """A random view of a standardized gray picture, float32 `[H, W]`."""
    view = _warp(picture, rng, settings)
    if rng.random() < settings.thickness:
        view = _thickness(view, int(rng.integers(4)))
    view = _clutter(view, rng, settings)
    view = view * math.exp(rng.uniform(-1, 1) * settings.contrast)
    view = view + np.float32(rng.normal() * settings.brightness)
    if rng.random() < settings.blur:
        view = cv2.blur(view, (3, 3), borderType=cv2.BORDER_REPLICATE)
    deviation = np.float32(rng.random() * settings.noise)
    return view + deviation * rng.standard_normal(view.shape, np.float32)


def _warp(picture: Picture, rng: np.random.Generator, settings: ViewSettings) -> Picture:
    height, width = picture.shape
    angle, shear, wider, higher = rng.uniform(-1, 1, 4)
    angle, shear = angle * math.radians(settings.rotation), shear * settings.shear
    along, down = math.exp(wider * settings.scale), math.exp(0.7 * higher * settings.scale)
    cos, sin = math.cos(angle), math.sin(angle)
    shift = rng.uniform(-1, 1, 2) * settings.shift
    rows, columns = _CONTROL[0], max(3, width // _CONTROL[1] + 2)
    y = np.linspace(-(height - 1) / 2, (height - 1) / 2, rows)[:, None]
    x = np.linspace(-(width - 1) / 2, (width - 1) / 2, columns)
    bend = rng.standard_normal((2, rows, columns)) * settings.elastic
    from_x = cos * along * x + (shear - sin) * down * y + shift[0] + bend[0] + (width - 1) / 2
    from_y = sin * along * x + cos * down * y + shift[1] + bend[1] + (height - 1) / 2
    places = np.stack([from_x, from_y], -1).astype(np.float32)
    every = cv2.resize(places, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.remap(picture, every, _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _thickness(view: Picture, change: int) -> Picture:
    if change == 3:
        return cv2.morphologyEx(view, cv2.MORPH_CLOSE, _SMALL)
    operation = (cv2.MORPH_DILATE, cv2.MORPH_ERODE, cv2.MORPH_CLOSE)[change]
    return (cv2.morphologyEx(view, operation, _SQUARE) + view) / 2


def _clutter(view: Picture, rng: np.random.Generator, settings: ViewSettings) -> Picture:
    """Strokes as polygons of eight pieces, and dots: OpenCV's own way of drawing."""
    height, width = view.shape
    low, high = float(view.min()), float(view.max())
    cover = np.zeros((height, width), np.uint8)
    for _ in range(settings.strokes):
        if rng.random() < 0.5:
            _stroke(cover, rng)
    for _ in range(rng.poisson(rng.random() * settings.dots)):
        row, column = rng.integers(height), rng.integers(width)
        cover[row : row + 2, column : column + 2] = 255
    share = cover.astype(np.float32) / 255
    return view + share * (np.float32(low if -low > high else high) - view)


def _stroke(cover: Picture, rng: np.random.Generator) -> None:
    height, width = cover.shape
    angle, reach = rng.random() * math.pi, rng.random() * width / 2
    along = np.linspace(-reach, reach, 9)
    across = rng.uniform(-0.02, 0.02) * along**2
    x = rng.random() * width + along * math.cos(angle) - across * math.sin(angle)
    y = rng.random() * height + along * math.sin(angle) + across * math.cos(angle)
    points = np.stack([x, y], 1).round().astype(np.int32)
    cv2.polylines(cover, [points], False, 255, int(rng.integers(1, 4)), cv2.LINE_AA)
