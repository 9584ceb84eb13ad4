"""A line of letters as ink, each with its own face, size, rotation and slant."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.more_fonts import broad_faces_with
from captcha_ssl.synthesis.upright import em_size, upright_ink

_DRAWN = (24, 48, 96)
"""Heights of a capital at which letters are cached; none is shrunk to less than half."""

Span = tuple[float, float]


def any_face(face: str) -> bool:
    """The choice of faces: all of them."""
    return True


def upright_face(face: str) -> bool:
    """Upright faces."""
    return not any(mark in face for mark in ("Italic", "Oblique", "BI.", "BoldItal", "_RI", "BasI"))


@dataclass(frozen=True)
class Lettering:
    """How the letters of a line vary.

    `size` and `gap` are in heights of a capital (a negative gap overlaps), `turn` and `slant` in
    degrees, `drift` is the largest step up or down in heights. With `one_face` a line keeps to
    one face that often.
    """

    size: Span = (0.9, 1.1)
    stretch: Span = (0.9, 1.1)
    gap: Span = (0.0, 0.2)
    turn: float = 10.0
    slant: float = 10.0
    drift: float = 0.1
    one_face: float = 0.7
    faces: Callable[[str], bool] = any_face


def any_look(rng: Random) -> Lettering:
    """A random layout of letters, from print in one face to a jumping mixture."""
    loose = rng.random()
    closest = rng.uniform(-0.15, 0.15)
    return Lettering(
        size=(1 - 0.2 * loose, 1 + 0.2 * loose),
        stretch=(rng.uniform(0.7, 0.95), rng.uniform(0.95, 1.2)),
        gap=(closest, closest + rng.uniform(0.02, 0.4)),
        turn=25 * loose * rng.random(),
        slant=15 * rng.random(),
        drift=0.25 * loose,
        one_face=1 - loose * rng.random(),
        faces=any_face if rng.random() < 0.6 else upright_face,
    )


def letter_line(text: str, rng: Random, height: int, look: Lettering) -> Pixels:
    """Ink of `text`, uint8 [rows, columns] trimmed, its capitals about `height` pixels high."""
    same = rng.random() if rng.random() < look.one_face else None
    lean, gap = rng.uniform(-look.slant, look.slant), rng.uniform(*look.gap)
    placed, x = [], 0.0
    for character in text:
        mask, drop = _bent(character, rng, height, look, same, lean)
        top = drop + rng.uniform(-look.drift, look.drift) * height - mask.shape[0] / 2
        placed.append((mask, round(top), round(x)))
        x = max(x + 2, x + mask.shape[1] + gap * height)
    first = min(top for _, top, _ in placed)
    last = max(top + mask.shape[0] for mask, top, _ in placed)
    end = max(left + mask.shape[1] for mask, _, left in placed)
    line = np.zeros((last - first, end), np.uint8)
    for mask, top, left in placed:
        area = line[top - first : top - first + mask.shape[0], left : left + mask.shape[1]]
        cv2.max(area, mask, area)
    return line


def _bent(
    character: str, rng: Random, height: int, look: Lettering, same: float | None, lean: float
) -> tuple[Pixels, float]:
    """One letter rotated, slanted and scaled, and the distance of its center below a capital's."""
    faces = _chosen_faces(character, look.faces)
    face = faces[int((rng.random() if same is None else same) * len(faces))]
    drawn = next((size for size in _DRAWN if size >= height), _DRAWN[-1])
    ink, drop = _upright(character, face, drawn)
    scale = height / drawn * rng.uniform(*look.size)
    angle, slant = (math.radians(rng.uniform(-look.turn, look.turn)), math.radians(lean))
    across, cosine, sine = scale * rng.uniform(*look.stretch), math.cos(angle), math.sin(angle)
    shear = math.tan(slant)
    matrix = np.array(
        [
            [across * cosine, scale * (-shear * cosine - sine)],
            [across * sine, scale * (cosine - shear * sine)],
        ]
    )
    half = np.array([ink.shape[1], ink.shape[0]]) / 2
    reach = np.abs(matrix) @ half
    columns, rows = (int(value) for value in np.ceil(2 * reach) + 2)
    shift = np.array([columns, rows]) / 2 - matrix @ half
    mask = cv2.warpAffine(ink, np.column_stack([matrix, shift]), (columns, rows))
    return np.asarray(mask, np.uint8), drop * scale


@lru_cache(maxsize=4096)
def _chosen_faces(character: str, wanted: Callable[[str], bool]) -> tuple[str, ...]:
    faces = broad_faces_with(character)
    return tuple(face for face in faces if wanted(face)) or faces


@lru_cache(maxsize=1 << 15)
def _upright(character: str, face: str, height: int) -> tuple[Pixels, float]:
    """Ink of a letter whose capitals are `height` high, and the drop of its center."""
    return upright_ink(character, face, _em_size(face, height), height)


@lru_cache(maxsize=1024)
def _em_size(face: str, height: int) -> int:
    return em_size(face, height, measured_at=200)
