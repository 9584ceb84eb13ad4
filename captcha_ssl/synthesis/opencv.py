"""Style `fast`: colored, bent characters under arcs and dots, drawn with OpenCV.

All colors lie between a pale background color and a dark ink color. So everything is drawn as a
single layer of ink, smoothed once, and colored at the end.
"""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.fonts import faces_with
from captcha_ssl.synthesis.glyphs import VARIANTS, tile

_LARGEST_LINE = 96
"""Above this height lines are enlarged rather than drawn larger, which bounds the tile cache."""
_MARGIN = 2
_LUMA = (0.299, 0.587, 0.114)
_DARKEST_PAPER, _BRIGHTEST_INK = 238, 150


def draw_fast(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]. A text too long for the canvas is made smaller to fit."""
    ink = np.zeros((canvas.height, canvas.width), np.uint8)
    height = min(canvas.height, _LARGEST_LINE)
    _place(_line(text, rng, height), ink, rng, zoom=canvas.height / height)
    _draw_dots(ink, rng)
    _draw_curves(ink, rng)
    cv2.GaussianBlur(ink, (3, 3), 0, ink, borderType=cv2.BORDER_REPLICATE)
    return _color(ink, rng, canvas.channels)


def _line(text: str, rng: Random, height: int) -> Pixels:
    """The characters side by side, trimmed to the box that they fill."""
    random = rng.random
    one_face, same, gap = random() < 0.6, random(), 0.5 * height * min(1, 5 / len(text))
    placed = []
    x, end, first_row, last_row = 0, 0, 2 * height, 0
    for character in text:
        faces = faces_with(character)
        face = faces[int((same if one_face else random()) * len(faces))]
        mask, drop = tile(character, face, int(random() * VARIANTS), height)
        rows, columns = mask.shape
        if random() < 0.4:
            x += int((0.2 + 0.8 * random()) * gap)
        top = max(0, int(height * (0.92 + 0.16 * random()) + drop - rows / 2))
        top = min(top, 2 * height - rows)
        placed.append((mask, top, top + rows, x, x + columns))
        end, first_row = max(end, x + columns), min(first_row, top)
        last_row = max(last_row, top + rows)
        x += int(columns * (0.86 + 0.18 * random()))
    line = np.zeros((last_row - first_row, end), np.uint8)
    for mask, top, bottom, left, right in placed:
        area = line[top - first_row : bottom - first_row, left:right]
        cv2.max(area, mask, area)
    return line


def _place(line: Pixels, ink: Pixels, rng: Random, *, zoom: float) -> None:
    """Put the line at a random position, enlarged about `zoom` times but so that it fits."""
    random = rng.random
    height, width = ink.shape
    rows, columns = line.shape
    across = min(zoom * (0.85 + 0.25 * random()), (width - 2 * _MARGIN) / columns)
    # A squeezed line also loses some height; otherwise its letters look like a barcode.
    limit = min((height - 2 * _MARGIN) / rows, 0.4 * zoom + across)
    down = min(zoom * (0.85 + 0.25 * random()), limit)
    size = max(1, int(columns * across)), max(1, int(rows * down))
    left = _MARGIN + int(random() * (width - 2 * _MARGIN - size[0] + 1))
    top = _MARGIN + int(random() * (height - 2 * _MARGIN - size[1] + 1))
    # Linear is several times faster, and down to one half it still reads every pixel.
    method = cv2.INTER_LINEAR if min(across, down) >= 0.5 else cv2.INTER_AREA
    area = ink[top : top + size[1], left : left + size[0]]
    cv2.resize(line, size, area, interpolation=method)
    cv2.convertScaleAbs(area, area, 0.65 + 0.35 * random())


def _draw_dots(ink: Pixels, rng: Random) -> None:
    height, width = ink.shape
    count = int((15 + 30 * rng.random()) * width * height / 9600)
    draws = np.frombuffer(rng.randbytes(4 * count), np.uint32)
    # One draw a dot over the rows end to end; a dot at a row's end may run into the next row.
    centers = width + 1 + (draws * (((height - 2) * width - 2) / 2**32)).astype(np.int64)
    blob = np.array((-width, -1, 0, 1, width, width + 1))
    ink.reshape(-1)[centers[:, None] + blob] = int(150 + 105 * rng.random())


def _draw_curves(ink: Pixels, rng: Random) -> None:
    random = rng.random
    height, width = ink.shape
    thickness = max(1, round(height / 60))
    for _ in range(2 if random() < 0.35 else 1):
        shade = int(130 + 125 * random())
        center = int((0.2 + 0.6 * random()) * width), int((0.2 + 0.6 * random()) * height)
        axes = int((0.15 + 0.4 * random()) * width), int(0.35 * random() * height)
        start = int(20 * random()) + (180 if random() < 0.4 else 0)
        tilt = int(30 * random()) - 15
        end = start + 140 + int(40 * random())
        cv2.ellipse(ink, center, axes, tilt, start, end, shade, thickness + (random() < 0.25))


def _color(ink: Pixels, rng: Random, channels: int) -> Pixels:
    """Turn ink 0..255 into colors from a pale paper to a dark ink: uint8 [C, H, W]."""
    random = rng.random
    paper = [_DARKEST_PAPER + 17 * random() for _ in range(3)]
    dark = [10 + 190 * random() for _ in range(3)]
    brightness = _luma(dark)
    if brightness > _BRIGHTEST_INK:
        dark = [value * _BRIGHTEST_INK / brightness for value in dark]
    if channels == 1:
        paper, dark = [_luma(paper)], [_luma(dark)]
    picture = np.empty((channels, *ink.shape), np.uint8)
    for plane, low, high in zip(picture, dark, paper, strict=True):
        cv2.convertScaleAbs(ink, plane, (low - high) / 255, high)
    return picture


def _luma(color: list[float]) -> float:
    return sum(weight * value for weight, value in zip(_LUMA, color, strict=True))
