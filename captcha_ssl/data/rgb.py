"""Turns the pixels of any kind of image into 8-bit RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from PIL import Image

BLANK_RANGE = 8
"""An image with a smaller range of gray levels shows nothing."""
_FAINT = 64


def to_array(image: Image.Image) -> np.ndarray:
    """uint8 [H, W, 3] RGB, or [H, W, 4] RGBA for an image with any kind of transparency."""
    if image.mode.startswith("I") or image.mode == "F":
        gray = _to_8_bits(np.asarray(image))
        return np.repeat(gray[..., None], 3, axis=2)
    if image.mode == "P":
        _check_colors(image)
    return np.array(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _check_colors(image: Image.Image) -> None:
    """Raise ValueError if pixels use colors beyond the palette, which Pillow reads as black."""
    last = int(np.asarray(image).max(initial=0))
    palette = image.palette
    if palette is not None and last >= (colors := len(palette.palette) // len(palette.mode)):
        raise ValueError(f"its palette has {colors} colors, and pixels use color {last + 1}")


def opaque(pixels: np.ndarray) -> np.ndarray:
    """RGB uint8 [H, W, 3] from RGB, or from RGBA composited on white.

    If the image is then almost blank and would not be on black, as with white ink, black is used.
    If nothing is opaque enough to be visible, the transparency is ignored: programs without
    transparency leave zeros in it.
    """
    if pixels.shape[2] == 3:
        return pixels
    color, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3]
    least, most, _, _ = cv2.minMaxLoc(alpha)
    if least == 255 or (most == 0 and gray_range(color) > BLANK_RANGE):
        return color
    share = np.repeat(alpha[..., None], 3, axis=2)
    on_white: np.ndarray = 255 - cv2.multiply(255 - color, share, scale=1 / 255)
    if (seen := gray_range(on_white)) >= _FAINT:
        return on_white
    on_black: np.ndarray = cv2.multiply(color, share, scale=1 / 255)
    if max(seen, gray_range(on_black)) <= BLANK_RANGE < gray_range(color) and least == most:
        return color
    return on_black if gray_range(on_black) > max(seen, BLANK_RANGE) else on_white


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    """Gray values of the wide Pillow modes, integers or floats, as uint8.

    The largest value decides what white is: 1, 255, or the maximum of 10, 12, 14 or 16 bits,
    because cameras and scanners store fewer bits in 16. Negative values are shifted up to zero.
    """
    wide = values.astype(np.float32)
    finite = np.isfinite(wide)
    if not finite.all():
        seen = wide[finite]
        low, high = (seen.min(), seen.max()) if seen.size else (0.0, 0.0)
        wide = np.nan_to_num(wide, nan=low, neginf=low, posinf=high)
    lowest = float(wide.min(initial=0.0))
    wide = wide - lowest
    highest = float(wide.max(initial=0.0))
    # Shifted values have no fixed maximum: their own range is the full range.
    wholes = () if lowest < 0 else (1.0, 255.0, 1_023.0, 4_095.0, 16_383.0, 65_535.0)
    whole = next((value for value in wholes if value >= highest), highest) or 1.0
    return np.clip(np.rint(wide * (255.0 / whole)), 0, 255).astype(np.uint8)


def gray_range(image: np.ndarray) -> int:
    """The range of gray levels of RGB uint8 [H, W, 3]."""
    low, high, _, _ = cv2.minMaxLoc(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    return int(high - low)
