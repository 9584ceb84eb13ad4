"""The letters of style `classic`.

Pillow cuts out, rotates and enlarges a letter as in the `captcha` package, but in advance, at whole
degrees; then one warp bends it.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.fonts import CLASSIC_FACE, load_face

OWN_HEIGHT = 60
"""The package's default height. A lower picture is drawn at this height and shrunk."""
_FONT_SIZES = (42, 50, 56)
_ANGLE = 30
_BEND_X, _BEND_Y = (0.1, 0.2), (0.2, 0.1)
"""Reach of the warp: so many pixels, and so much of the size of the letter."""
_ENLARGED = (1.1, 1.05)
"""How much larger than its cell a letter is before bending, on average as in the package."""
_NO_SECOND_MAP: Any = None


class Letter:
    """A character at a font size: `across` and `down` are its cell, whatever its ink."""

    def __init__(self, character: str, size: int) -> None:
        self.character, self.size = character, size
        draw, font = ImageDraw.Draw(Image.new("L", (1, 1))), load_face(CLASSIC_FACE, size)
        box = draw.multiline_textbbox((1, 1), character, font=font)
        self.across, self.down = int(box[2]), int(box[3])
        self._turned: dict[tuple[int, int], Pixels] = {}
        x, y = (np.arange(self.across) + 0.5, np.arange(self.down) + 0.5)
        self._x = np.stack([np.ones_like(x), x / self.across], 1).astype(np.float32)
        self._y = np.stack([np.ones_like(y), y / self.down], 1).astype(np.float32)

    def bent(self, rng: Random, tone: int) -> Pixels:
        """Its coverage, uint8 [down, across], turned and with its corners pulled aside."""
        random, across, down = rng.random, self.across, self.down
        tile = self._at(int((2 * _ANGLE + 1) * random()) - _ANGLE, tone)
        reach = _BEND_X[0] + _BEND_X[1] * across * random()
        drop = _BEND_Y[0] + _BEND_Y[1] * down * random()
        x1, y1 = int((2 * random() - 1) * reach), int((2 * random() - 1) * drop)
        x2, y2 = int((2 * random() - 1) * reach), int((2 * random() - 1) * drop)
        wide, high = across + abs(x1) + abs(x2), down + abs(y1) + abs(y2)
        # Of the four corners (x1, y1), (−x1, high − y2), (wide + x2, high + y2), (wide − x2, −y1)
        # in a letter of that size, with 1, x, y and x·y from 0 to 1. The tile has a size of its
        # own, and cv2 rounds where Pillow rounds down.
        to_x, to_y = tile.shape[1] / wide, tile.shape[0] / high
        corners = np.array(
            (
                x1 * to_x - 0.5,
                y1 * to_y - 0.5,
                (wide - x2 - x1) * to_x,
                -2 * y1 * to_y,
                -2 * x1 * to_x,
                (high - y2 - y1) * to_y,
                2 * (x1 + x2) * to_x,
                2 * (y1 + y2) * to_y,
            ),
            np.float32,
        )
        rows = (self._x @ corners.reshape(2, 2, 2)).reshape(2, -1)
        places = (self._y @ rows).reshape(down, across, 2)
        return np.asarray(cv2.remap(tile, places, _NO_SECOND_MAP, cv2.INTER_NEAREST), np.uint8)

    def _at(self, angle: int, tone: int) -> Pixels:
        tile = self._turned.get((angle, tone))
        if tile is None:
            tile = self._turned[angle, tone] = self._turn(angle, tone)
        return tile

    def _turn(self, angle: int, tone: int) -> Pixels:
        """Coverage of the letter turned by `angle` degrees, somewhat larger than its cell.

        Pillow weighs colors by opacity when it turns and enlarges: a letter gets bolder.
        """
        image = Image.new("RGBA", (self.across, self.down))
        font, fill = load_face(CLASSIC_FACE, self.size), (tone, tone, tone, 237)
        ImageDraw.Draw(image).text((0, 0), self.character, font=font, fill=fill)
        image = image.crop(image.getbbox())
        image = image.rotate(angle, Image.Resampling.BILINEAR, expand=True)
        wider, higher = _ENLARGED
        image = image.resize((round(self.across * wider), round(self.down * higher)))
        scaled = cv2.convertScaleAbs(np.asarray(image)[..., 0], None, 255 / tone)
        return np.asarray(scaled, np.uint8)


@lru_cache(maxsize=512)
def letter_at(character: str, size: int) -> Letter:
    """The letter, kept with what it has turned already."""
    return Letter(character, size)


@lru_cache(maxsize=64)
def font_sizes(height: int) -> tuple[int, ...]:
    """The package's three font sizes, for a picture `height` pixels high."""
    return tuple(max(4, round(size * height / OWN_HEIGHT)) for size in _FONT_SIZES)
