"""Style `classic`: the pictures of the `captcha` package, about ten times faster.

Every random choice has the same distribution as in `captcha.image.ImageCaptcha`, in another order.
The letters are prepared in advance (classic_letters.py). Tests and `benchmarks/styles.py` compare
the two; style `captcha` is the package itself.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.classic_letters import OWN_HEIGHT, Letter, font_sizes, letter_at

_TONES = ((60, 40), (140, 100), (256, 165))
"""The tone that a letter is turned in, for inks below a brightness: Pillow rounds to 8 bits when it
weighs by opacity, so that faint edges of a dark letter get lost."""
_DOTS = 30
_MARGIN = 3
"""Margin around the picture, so that dots on its edge need no clipping."""
_LUMA = (0.299, 0.587, 0.114)
_CONTRAST = 1.97
_SHADES = np.arange(256, dtype=np.float32)
_LEVELS = _SHADES / 255
_INSIDE = (slice(None), slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))


def draw_classic(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]. A text too long for the canvas is made narrower."""
    height, width = canvas.height, canvas.width
    if height < OWN_HEIGHT:
        height, width = OWN_HEIGHT, max(1, round(width * OWN_HEIGHT / height))
    paper, ink = _colors(rng)
    layers = _gray(paper, ink) if canvas.channels == 1 else _layers(ink)
    picture = _write(text, rng, layers, height, width)
    _draw_dots(picture, layers, rng)
    _draw_arc(picture, layers, rng)
    finished = [_finish(plane, canvas) for plane in picture[_INSIDE]]
    if canvas.channels == 1:
        return finished[0][None]
    colored = np.empty((3, canvas.height, canvas.width), np.uint8)
    through, inked = finished
    for plane, low, high in zip(colored, ink, paper, strict=True):
        cv2.addWeighted(through, high / 255, inked, low / 255, 0, plane)
    return colored


class _Layers(NamedTuple):
    """Planes that letters, dots and an arc are drawn into.

    `paper` and `ink` are the values of a plane where there is none and where it covers all. A
    pixel under a letter of coverage 0..255 keeps so much of its value (`kept`, 255 for all) and
    gets so much more (`added`, None for nothing).
    """

    paper: tuple[int, ...]
    ink: tuple[int, ...]
    tone: int
    kept: Pixels
    added: tuple[Pixels | None, ...]


def _gray(paper: tuple[int, ...], ink: tuple[int, ...]) -> _Layers:
    """A plane for the gray picture."""
    opacity, covered = _coverage(ink)
    dark = _luma(ink)
    added = (covered * (dark / 255) + 0.5).astype(np.uint8)
    return _Layers((round(_luma(paper)),), (round(dark),), _tone(ink), _kept(opacity), (added,))


def _layers(ink: tuple[int, ...]) -> _Layers:
    """A plane for the visible share of the paper and the amount of ink; colors are applied last."""
    opacity, covered = _coverage(ink)
    added = None, (covered + 0.5).astype(np.uint8)
    return _Layers((255, 0), (0, 255), _tone(ink), _kept(opacity), added)


def _tone(ink: tuple[int, ...]) -> int:
    brightness = _luma(ink)
    return next(tone for below, tone in _TONES if brightness < below)


def _coverage(ink: tuple[int, ...]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Opacity 0..1 and ink 0..255 of each coverage of a letter.

    The package uses a letter's brightness as its opacity, and its color also fades with coverage.
    """
    opacity = np.minimum(_LEVELS * (_CONTRAST / 255 * _luma(ink)), 1)
    return opacity, opacity * _SHADES


def _kept(opacity: npt.NDArray[np.float32]) -> Pixels:
    return (255.5 - 255 * opacity).astype(np.uint8)


def _finish(plane: Pixels, canvas: Canvas) -> Pixels:
    """The package's last filter, five times the middle and once each neighbor, and the size."""
    blurred = cv2.blur(plane, (3, 3), borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.addWeighted(plane, 4 / 13, blurred, 9 / 13, 0)
    # The package does not filter the outermost pixels.
    smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1] = (
        plane[0],
        plane[-1],
        plane[:, 0],
        plane[:, -1],
    )
    if plane.shape == (canvas.height, canvas.width):
        return np.asarray(smooth, np.uint8)
    size = canvas.width, canvas.height
    if 2 * canvas.height >= plane.shape[0]:
        # Halving is several times faster than any other average over areas.
        smooth = cv2.resize(smooth, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_AREA), np.uint8)


def _colors(rng: Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    random = rng.random
    paper = (238 + int(18 * random()), 238 + int(18 * random()), 238 + int(18 * random()))
    ink = (10 + int(191 * random()), 10 + int(191 * random()), 10 + int(191 * random()))
    return paper, ink


def _luma(color: tuple[int, ...]) -> float:
    return sum(weight * value for weight, value in zip(_LUMA, color, strict=True))


def _write(text: str, rng: Random, layers: _Layers, height: int, width: int) -> Pixels:
    """Paper with the letters on it, [C, height + margins, width + margins]."""
    random, sizes = rng.random, font_sizes(height)
    letters: list[tuple[Letter, Pixels | None]] = []
    for character in text:
        if random() > 0.5:
            letters.append((letter_at(" ", sizes[int(random() * 3)]), None))
        letter = letter_at(character, sizes[int(random() * 3)])
        letters.append((letter, letter.bent(rng, layers.tone)))
    text_width = sum([letter.across for letter, _ in letters])
    full = max(text_width, width)
    shape = (len(layers.paper), height + 2 * _MARGIN, full + 2 * _MARGIN)
    picture = np.empty(shape, np.uint8)
    for plane, shade in zip(picture, layers.paper, strict=True):
        plane.fill(shade)
    average = text_width // len(text)
    overlap, left = average // 4 + 1, _MARGIN + int(average * 0.1)
    for letter, mask in letters:
        if mask is not None:
            _lay(mask, picture, layers, left, _MARGIN + int((height - letter.down) / 2))
        left += letter.across - int(random() * overlap)
    if full == width:
        return picture
    narrowed = np.empty((shape[0], shape[1], width + 2 * _MARGIN), np.uint8)
    for plane, target in zip(picture[_INSIDE], narrowed[_INSIDE], strict=True):
        cv2.resize(plane, (width, height), target, 0, 0, cv2.INTER_LINEAR)
    return narrowed


def _lay(mask: Pixels, picture: Pixels, layers: _Layers, left: int, top: int) -> None:
    if top < 0:
        mask, top = mask[-top:], 0
    bottom, right = top + mask.shape[0], left + mask.shape[1]
    if bottom > picture.shape[1] or right > picture.shape[2]:
        mask = mask[: picture.shape[1] - top, : picture.shape[2] - left]
    kept = cv2.LUT(mask, layers.kept)
    for plane, added in zip(picture, layers.added, strict=True):
        area = plane[top:bottom, left:right]
        cv2.multiply(area, kept, area, 1 / 255)
        if added is not None:
            cv2.add(area, cv2.LUT(mask, added), area)


def _draw_dots(picture: Pixels, layers: _Layers, rng: Random) -> None:
    height, width = picture.shape[1] - 2 * _MARGIN, picture.shape[2] - 2 * _MARGIN
    draws = np.frombuffer(rng.randbytes(8 * _DOTS), np.uint32).reshape(2, -1) / 2**32
    x, y = (draws * [[width + 1], [height + 1]]).astype(np.int64)
    dot = _dot()
    places = ((y + _MARGIN) * picture.shape[2] + x + _MARGIN)[:, None] + (
        dot[0] * picture.shape[2] + dot[1]
    )
    for plane, shade in zip(picture, layers.ink, strict=True):
        plane.reshape(-1)[places] = shade


@lru_cache(maxsize=1)
def _dot() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the pixels of a dot, from its place."""
    image = Image.new("L", (9, 9))
    ImageDraw.Draw(image).line(((4, 4), (3, 3)), fill=255, width=3)
    rows, columns = np.nonzero(np.asarray(image))
    return rows - 4, columns - 4


def _draw_arc(picture: Pixels, layers: _Layers, rng: Random) -> None:
    random = rng.random
    height, width = picture.shape[1] - 2 * _MARGIN, picture.shape[2] - 2 * _MARGIN
    fifth_x, fifth_y = width // 5, height // 5
    x1 = int((fifth_x + 1) * random())
    x2 = fifth_x + int((width - fifth_x + 1) * random())
    y1 = fifth_y + int((height - 2 * fifth_y + 1) * random())
    y2 = y1 + int((height - y1 - fifth_y + 1) * random())
    end, start = 160 + int(41 * random()), int(21 * random())
    # In halves of a pixel, for the center may lie between two.
    center = x1 + x2 + 2 * _MARGIN, y1 + y2 + 2 * _MARGIN
    axes: Any = x2 - x1, y2 - y1
    for plane, shade in zip(picture, layers.ink, strict=True):
        cv2.ellipse(plane, center, axes, 0, start, end, shade, 1, cv2.LINE_8, 1)
