"""The steps that prepare an image before it is resized.

Small, faint or colored ink is lost when an image shrinks to 32 rows of gray. A preparation brings
the ink out first: it crops the image to the ink, removes the background, and chooses the conversion
to gray. It is stored on the model card with the geometry, so that reading uses the same steps as
training. Needs only NumPy and OpenCV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from captcha_ssl.data.frame import without_frames

Trim = Literal["none", "box", "image"]
Flatten = Literal["none", "closing", "median"]
Gray = Literal["luminance", "minimum", "maximum", "direction"]
Ink = Literal["dark", "light", "both"]

_FEWEST = 12
"""The smallest side, in pixels, of an image that is trimmed to its own ink."""
_INK_SHARE = 0.25
"""A pixel counts as ink from this share of the strongest contrast of the image."""
_LINE_SHARE = 0.08
"""A row (or column) belongs to the ink from this share of the fullest one."""


@dataclass(frozen=True)
class Preparation:
    """Steps in the order in which they are applied; the defaults do nothing.

    `trim` `box`: cut to `box`, the same for every image, in shares of its width and height (left,
    top, right, bottom). `flatten`: replace every channel by its contrast against the background,
    dark on white; `closing` finds a background that is lighter (`ink` `dark`) or darker (`light`)
    than the ink, `median` one of either kind, in squares of `window` heights. A contrast of `level`
    gray values is black, and a stronger one is no blacker. `gray` other than `luminance` makes all
    channels equal: their minimum, their maximum, or their sum weighted by `direction`. `normalize`:
    equalize local mean and deviation, in windows of that many heights (0: off). `trim` `image`: cut
    to the image's own ink, found after the other steps, with a margin of `margin` of its height on
    every side.
    """

    trim: Trim = "none"
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    margin: float = 0.15
    flatten: Flatten = "none"
    ink: Ink = "dark"
    window: float = 0.3
    level: float = 64.0
    gray: Gray = "luminance"
    direction: tuple[float, float, float] = (0.0, 0.0, 0.0)
    normalize: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for impossible values."""
        left, top, right, bottom = self.box
        fine = (
            0 <= left < right <= 1
            and 0 <= top < bottom <= 1
            and 0 < self.level <= 255
            and 0 < self.window <= 1
            and 0 <= self.normalize <= 4
            and 0 <= self.margin <= 4
            and len(self.direction) == 3
            and all(abs(weight) <= 1 for weight in self.direction)
            and self.trim in ("none", "box", "image")
            and self.flatten in ("none", "closing", "median")
            and self.ink in ("dark", "light", "both")
            and self.gray in ("luminance", "minimum", "maximum", "direction")
        )
        if not fine:
            raise ValueError(f"not a preparation: {self}")

    def __bool__(self) -> bool:
        """Whether any step is active."""
        kept = self.trim == "none" and self.flatten == "none"
        return not (kept and self.gray == "luminance" and not self.normalize)

    def __str__(self) -> str:
        left, top, right, bottom = self.box
        across = "" if (left, right) == (0, 1) else f"{left:.0%}–{right:.0%} of the width and "
        words = {
            f"cut to {across}{top:.0%}–{bottom:.0%} of the height": self.trim == "box",
            f"background removed ({self.flatten}, {self.window:g} of the height), contrast of "
            f"{self.level:.0f} is black": self.flatten != "none",
            f"gray by the {self.gray} of the channels": self.gray in ("minimum", "maximum"),
            "gray along the color of the ink": self.gray == "direction",
            f"local contrast equalized ({self.normalize:g} of the height)": self.normalize > 0,
            "every image cut to its own ink": self.trim == "image",
        }
        return "; ".join(text for text, done in words.items() if done) or "nothing"

    def apply(self, image: np.ndarray) -> np.ndarray:
        """RGB uint8 [H, W, 3] → RGB uint8 [H', W', 3]."""
        height = image.shape[0]
        pixels = _cut_to_box(image, self.box) if self.trim == "box" else image
        if self.flatten != "none":
            size = odd(self.window * height)
            pixels = flattened(pixels, self.flatten, self.ink, size, self.level)
        if self.gray != "luminance":
            pixels = _as_rgb(to_gray(pixels, self.gray, self.direction))
        if self.normalize:
            pixels = _normalized(pixels, odd(self.normalize * height))
        if self.trim == "image":
            pixels = _cut_to_ink(pixels, self.margin)
        return np.ascontiguousarray(pixels)


def odd(size: float) -> int:
    """The smallest odd number of pixels that is not below the whole part of `size`, nor 3."""
    return max(3, int(size) // 2 * 2 + 1)


def flattened(image: np.ndarray, how: Flatten, ink: Ink, window: int, level: float) -> np.ndarray:
    """Every channel of uint8 [H, W, C] as its contrast with the background, dark on white."""
    contrast = contrasts(image, how, ink, window)
    floor = np.median(contrast, axis=(0, 1))
    raised = (contrast - floor) * (255.0 / level)
    return (255 - np.clip(np.rint(raised), 0, 255)).astype(np.uint8)


def contrasts(image: np.ndarray, how: Flatten, ink: Ink, window: int) -> np.ndarray:
    """How much darker, or lighter, every value of uint8 [H, W, C] is than its background."""
    if how == "median":
        background = cv2.medianBlur(image, window).reshape(image.shape)
        if ink == "both":
            return cv2.absdiff(image, background).reshape(image.shape)
        pair = (background, image) if ink == "dark" else (image, background)
        return cv2.subtract(*pair).reshape(image.shape)
    square = np.ones((window, window), np.uint8)
    darker = cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, square).reshape(image.shape)
    lighter = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, square).reshape(image.shape)
    if ink == "both":
        return np.maximum(darker, lighter)
    return darker if ink == "dark" else lighter


def to_gray(image: np.ndarray, gray: Gray, direction: Sequence[float]) -> np.ndarray:
    """RGB uint8 [H, W, 3] → uint8 [H, W].

    Along a `direction` the weights are scaled so that no color falls outside 0…255.
    """
    if gray == "minimum":
        return np.asarray(image.min(2), np.uint8)
    if gray == "maximum":
        return np.asarray(image.max(2), np.uint8)
    if gray == "luminance":
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    weights = np.asarray(direction, np.float32)
    weights = weights / max(float(np.abs(weights).sum()), 1e-6)
    values = image.astype(np.float32) @ weights - 255 * float(weights.clip(max=0).sum())
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _as_rgb(gray: np.ndarray) -> np.ndarray:
    return np.repeat(gray[..., None], 3, axis=2)


def _cut_to_box(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    height, width = image.shape[:2]
    left, top = int(box[0] * width), int(box[1] * height)
    right, bottom = int(np.ceil(box[2] * width)), int(np.ceil(box[3] * height))
    return image[top : max(bottom, top + 1), left : max(right, left + 1)]


def _normalized(image: np.ndarray, window: int) -> np.ndarray:
    """uint8 [H, W, 3] with a local mean of 128 and a local deviation of 48.

    In flat areas the deviation counts as a quarter of the whole image's, so that noise is not
    amplified.
    """
    values = image.astype(np.float32)
    mean = cv2.blur(values, (window, window))
    square = cv2.blur(values * values, (window, window))
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    least = max(2.0, float(values.std()) / 4)
    scaled = (values - mean) / np.maximum(deviation, least)
    return np.clip(np.rint(128 + 48 * scaled), 0, 255).astype(np.uint8)


def _cut_to_ink(image: np.ndarray, margin: float) -> np.ndarray:
    """The part of RGB uint8 [H, W, 3] with its ink; the whole image if there is none."""
    height, width = image.shape[:2]
    paper = np.median(image, axis=(0, 1))
    contrast = np.abs(image.astype(np.float32) - paper).max(2)
    strongest = float(contrast.max())
    if strongest < 8:
        return image
    mask = without_frames(contrast > _INK_SHARE * strongest)
    top, bottom = extent(mask.sum(1))
    left, right = extent(mask[top:bottom].sum(0))
    room = round(margin * (bottom - top)) + 1
    top, bottom = _with_room(top, bottom, room, height)
    left, right = _with_room(left, right, room, width)
    return image[top:bottom, left:right]


def extent(counts: np.ndarray) -> tuple[int, int]:
    """The first row of ink and the row after the last, from the count of ink pixels per row."""
    if not counts.any():
        return 0, len(counts)
    rows = np.flatnonzero(counts > _LINE_SHARE * counts.max())
    return int(rows[0]), int(rows[-1]) + 1


def _with_room(first: int, last: int, room: int, size: int) -> tuple[int, int]:
    more = max(room, -(-(_FEWEST - (last - first)) // 2))
    return max(0, first - more), min(size, last + more)
