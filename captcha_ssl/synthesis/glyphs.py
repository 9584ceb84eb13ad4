"""Characters that are rotated, stretched and bent in advance, so that drawing one is a copy.

A tile depends only on its arguments; the cache only saves time. Drawing an evicted tile again gives
the same pixels.
"""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.upright import em_size, upright_ink

VARIANTS = 48
"""The number of bent variants of each character of each font."""

_ROTATION = math.radians(28)
_BEND = 0.13
_SIZE = (0.62, 0.86)
_STRETCH = (0.75, 1.15)
_CENTERD = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))

Corners = npt.NDArray[np.float32]
"""Corners of a quadrilateral from the upper left clockwise: [4, 2] as x, y."""


class Tile(NamedTuple):
    """Ink of one bent character, trimmed: `mask` is uint8 [h, w], 255 where it is solid.

    `drop` is how far, in pixels, its center lies below the middle of a capital letter: a comma
    hangs low and an apostrophe high.
    """

    mask: Pixels
    drop: float


@lru_cache(maxsize=1 << 15)
def tile(character: str, face: str, variant: int, height: int) -> Tile:
    """Variant `variant` of `character` for a line of text `height` pixels high."""
    rng = Random(f"{face} {character} {variant}")
    ink, drop = _upright(character, face, height)
    # A wide or tall character gets smaller, so that every tile fits on its line.
    scale = min(rng.uniform(*_SIZE), 0.95 * height / max(ink.shape))
    across, down = ink.shape[1] * scale * rng.uniform(*_STRETCH), ink.shape[0] * scale
    corners = _bent_corners(across, down, rng)
    # One pixel around it all, so that edges fade out rather than end.
    corners += 1 - corners.min(axis=0)
    width, rows = np.ceil(corners.max(axis=0)).astype(int) + 1
    matrix = cv2.getPerspectiveTransform(_outline(*ink.shape), corners)
    mask = cv2.warpPerspective(ink, matrix, (int(width), int(rows)), flags=cv2.INTER_LINEAR)
    return Tile(np.asarray(mask, np.uint8), drop * scale)


def _bent_corners(across: float, down: float, rng: Random) -> Corners:
    """The four corners of a box, each pushed aside a little, then turned about the center."""
    box = []
    for x, y in _CENTERD:
        box.append(
            (across * (x + rng.uniform(-_BEND, _BEND)), down * (y + rng.uniform(-_BEND, _BEND)))
        )
    angle = rng.uniform(-_ROTATION, _ROTATION)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([(x * cosine - y * sine, x * sine + y * cosine) for x, y in box], np.float32)


def _outline(rows: int, columns: int) -> Corners:
    return np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)


@lru_cache(maxsize=4096)
def _upright(character: str, face: str, height: int) -> tuple[Pixels, float]:
    """Ink of an upright character whose capitals are `height` high, and its drop."""
    return upright_ink(character, face, _em_size(face, height), height)


@lru_cache(maxsize=64)
def _em_size(face: str, height: int) -> int:
    return em_size(face, height, measured_at=1000)
