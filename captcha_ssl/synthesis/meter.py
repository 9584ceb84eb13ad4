"""Style `meter`: displays and prints of devices: segments, dots, drums of digits, receipts."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
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

_SEGMENTS = {
    **{"0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd"},
    **{"6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg", "A": "abcefg", "C": "adef"},
    **{"E": "adefg", "F": "aefg", "H": "bcefg", "J": "bcde", "L": "def", "P": "abefg"},
    **{"U": "bcdef", "b": "cdefg", "d": "bcdeg", "h": "cefg", "n": "ceg", "r": "eg", "t": "defg"},
}
"""The lit bars of a seven-segment display, clockwise from the top, g in the middle."""
_BARS = {
    **{"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2)},
    **{"e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)},
}
"""Ends of each bar as x, y, x, y, on a cell one wide and two high."""
_PRINT = Lettering(
    size=(1, 1), stretch=(0.9, 1.1), gap=(0.08, 0.3), turn=0.5, slant=0, drift=0.01, one_face=1.0
)
_UPRIGHT = Lettering(
    (1, 1), (0.85, 1.1), (0.1, 0.35), turn=0, slant=0, drift=0, one_face=1.0, faces=upright_face
)
_SMOOTH = 96


def draw_meter(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    lit = all(character in _SEGMENTS for character in text) and rng.random() < 0.6
    kinds = (_segments,) if lit else (_dots, _dots, _drum, _receipt)
    kind = kinds[int(rng.random() * len(kinds))]
    line = kind(text, rng, canvas.height)
    ink = place(line, rng, canvas, fill=(0.45, 0.95))
    glows = kind in (_segments, _dots) and rng.random() < 0.5
    first = any_color(rng, bright=(0, 70) if glows else (120, 255))
    paper = slope(rng, canvas, first, np.clip(first + rng.uniform(-40, 40), 0, 255))
    color = unlike(rng, first, least=60)
    if glows and rng.random() < 0.5:
        halo = cv2.GaussianBlur(ink, (0, 0), canvas.height / 16)
        paper = blend(paper, color, (halo * rng.uniform(0.2, 0.8)).astype(np.uint8))
    picture = blend(paper, color, ink) + gradient(rng, canvas, rng.uniform(0, 40))
    if rng.random() < 0.5:
        picture = picture + noise(rng, canvas, rng.uniform(0, 35))
    if rng.random() < 0.4:
        soft = cv2.GaussianBlur(
            np.ascontiguousarray(picture.transpose(1, 2, 0)),
            (0, 0),
            sigmaX=rng.uniform(0.3, canvas.height / 60 + 0.1),
        )
        picture = np.asarray(soft).transpose(2, 0, 1)
    return finish(picture, canvas)


def _segments(text: str, rng: Random, _: int) -> Pixels:
    """Seven bars per character, pointed or blunt; sometimes the dark bars are faintly visible."""
    height = _SMOOTH
    width = round(height * rng.uniform(0.42, 0.62))
    thick = round(height * rng.uniform(0.07, 0.15))
    gap, pitch = rng.uniform(0, 0.35) * thick, width + round(height * rng.uniform(0.12, 0.4))
    lean = rng.uniform(-0.02, 0.22)
    off = rng.choice((0, 0, rng.randint(8, 45)))
    wide = round(pitch * len(text) + lean * height + 2 * thick)
    line = np.zeros((height + 2 * thick, wide), np.uint8)
    points = rng.random() < 0.7
    for place_, character in enumerate(text):
        lit = _SEGMENTS[character]
        for bar, ends in sorted(_BARS.items(), key=lambda item: item[0] in lit):
            shade = 255 if bar in lit else off
            if shade:
                corners = _bar(ends, width - thick, (height - thick) / 2, thick, gap, points)
                corners += (thick * 1.5 + place_ * pitch, thick * 1.5)
                corners[:, 0] += lean * (height - corners[:, 1])
                cv2.fillPoly(line, [corners.round().astype(np.int32)], shade, cv2.LINE_AA)
    return _trimmed(line)


def _bar(
    ends: tuple[int, int, int, int],
    across: float,
    down: float,
    thick: int,
    gap: float,
    pointed: bool,
) -> np.ndarray:
    """Corners [N, 2] of one bar between two points of the cell."""
    start = np.array([ends[0] * across, ends[1] * down])
    stop = np.array([ends[2] * across, ends[3] * down])
    along = (stop - start) / max(1.0, float(np.linalg.norm(stop - start)))
    side, half = np.array([-along[1], along[0]]), thick / 2
    start, stop = start + along * gap, stop - along * gap
    inset = along * (half if pointed else 0)
    body = [start + inset + side * half, stop - inset + side * half]
    body += [stop - inset - side * half, start + inset - side * half]
    if pointed:
        body = [start, body[0], body[1], stop, body[2], body[3]]
    return np.array(body)


def _dots(text: str, rng: Random, _: int) -> Pixels:
    """A dot matrix: letters of few pixels, each pixel a round or square dot."""
    rows, cell = rng.randint(8, 14), rng.randint(4, 7)
    small = letter_line(text, rng, rows, _UPRIGHT)
    on = (small > rng.randint(60, 105)).astype(np.uint8)
    mark = np.zeros((cell, cell), np.uint8)
    size = cell * rng.uniform(0.34, 0.5)
    if rng.random() < 0.7:
        middle = (cell * 8 - 8) // 2
        cv2.circle(mark, (middle, middle), round(size * 16), 255, -1, cv2.LINE_AA, shift=3)
    else:
        mark[: max(2, round(2 * size)), : max(2, round(2 * size))] = 255
    return _trimmed(np.kron(on, mark))


def _drum(text: str, rng: Random, height: int) -> Pixels:
    """Characters in windows of a counter, which may stand between two of them."""
    windows = []
    frame = rng.randint(60, 200) if rng.random() < 0.7 else 0
    for character in text:
        glyph = letter_line(character, rng, _SMOOTH // 2, _UPRIGHT)
        window = np.zeros((_SMOOTH, max(_SMOOTH // 2, glyph.shape[1] + 8)), np.uint8)
        top = (window.shape[0] - glyph.shape[0]) // 2 + round(_SMOOTH * rng.uniform(-0.06, 0.06))
        left = (window.shape[1] - glyph.shape[1]) // 2
        top = max(0, min(top, window.shape[0] - glyph.shape[0]))
        window[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
        if frame:
            cv2.rectangle(window, (0, 0), (window.shape[1] - 1, window.shape[0] - 1), frame, 2)
        windows.append(window)
        windows.append(np.zeros((_SMOOTH, rng.randint(0, 6)), np.uint8))
    return np.hstack(windows[:-1])


def _receipt(text: str, rng: Random, _: int) -> Pixels:
    """Thermal print: small print with missing or pale rows."""
    line = letter_line(text, rng, _SMOOTH // 2, _PRINT)
    tone = np.full((line.shape[0], 1), 1.0, np.float32)
    for _row in range(rng.randint(0, 4)):
        at = rng.randrange(line.shape[0])
        tone[at : at + rng.randint(1, 3)] = rng.uniform(0.1, 0.6)
    fade = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.5, 1), line.shape[1], dtype=np.float32)
    return np.asarray(line * tone * fade, np.uint8)


def _trimmed(line: Pixels) -> Pixels:
    rows, columns = np.flatnonzero(line.any(axis=1)), np.flatnonzero(line.any(axis=0))
    return line[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
