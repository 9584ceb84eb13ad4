"""The size to which every image of a dataset is resized before a model sees it, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from captcha_ssl.data.preparation import Preparation

ASPECT_TOLERANCE = 0.15
_FAINT = 16
WIDTH_STEP = 8
WIDTH_RANGE = (16, 1024)


@dataclass(frozen=True)
class Geometry:
    """Channels (1 gray or 3 RGB), height and width in pixels.

    Raises ValueError otherwise. `preparation` has the steps before an image is resized; None for no
    steps.
    """

    channels: int
    height: int
    width: int
    preparation: Preparation | None = None

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or self.height < 1 or self.width < 1:
            raise ValueError(f"not a geometry: {self}")

    def __str__(self) -> str:
        return f"{self.width}×{self.height} {'gray' if self.channels == 1 else 'RGB'}"

    @classmethod
    def infer(
        cls, sizes: Iterable[tuple[int, int]], *, channels: int, height: int, width: int | None
    ) -> Geometry:
        """The geometry for images of these (height, width) pixel sizes.

        Without a `width`, it is the width that holds 99% of the images at their own aspect ratio,
        rounded up to a multiple of 8, from 16 to 1024. Raises ValueError without any size.
        """
        if width is not None:
            return cls(channels, height, width)
        widths = np.fromiter((w * height / h for h, w in sizes), np.float64)
        if not len(widths):
            raise ValueError("no image sizes to infer a width from")
        wide = float(np.quantile(widths, 0.99, method="higher"))
        rounded = int(np.ceil(wide / WIDTH_STEP)) * WIDTH_STEP
        return cls(channels, height, min(max(rounded, WIDTH_RANGE[0]), WIDTH_RANGE[1]))

    def fit(self, image: np.ndarray) -> np.ndarray:
        """Prepare an RGB image uint8 [H, W, 3] and resize it to uint8 [channels, height, width].

        An image whose aspect ratio is within 15% of this geometry's is stretched. A narrower image
        keeps its aspect ratio and is padded on the right with the median of its border; a wider one
        is squeezed. Gray is the luminance, or the color channel with the most contrast if the
        luminance shows nothing.
        """
        if self.preparation:
            image = self.preparation.apply(image)
        pixels = _gray(image) if self.channels == 1 else image
        height, width = image.shape[:2]
        natural = width * self.height / height
        if natural < self.width * (1 - ASPECT_TOLERANCE):
            pixels = _pad_right(_resize(pixels, self.height, max(1, round(natural))), self.width)
        else:
            pixels = _resize(pixels, self.height, self.width)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def fit_all(self, images: Iterable[np.ndarray]) -> np.ndarray:
        """`fit` of one image or more: uint8 [N, channels, height, width]."""
        return np.stack([self.fit(image) for image in images])


def _gray(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 1]."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    low, high, _, _ = cv2.minMaxLoc(gray)
    if high - low < _FAINT:
        # Ink and paper may differ only in color: red on an equally dark green.
        color = max(cv2.split(image), key=lambda plane: float(np.ptp(plane)))
        if np.ptp(color) > 4 * (high - low):
            gray = color
    return gray[..., None]


def _resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Average over the axes that shrink, then interpolate over those that grow."""
    shrunk = (min(pixels.shape[0], height), min(pixels.shape[1], width))
    for size, method in ((shrunk, cv2.INTER_AREA), ((height, width), cv2.INTER_LINEAR)):
        if pixels.shape[:2] != size:
            pixels = cv2.resize(pixels, size[::-1], interpolation=method)
    return pixels.reshape(height, width, -1)


def _pad_right(pixels: np.ndarray, width: int) -> np.ndarray:
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    padded = np.empty((pixels.shape[0], width, pixels.shape[2]), np.uint8)
    padded[:] = np.median(border, axis=0).astype(np.uint8)
    padded[:, : pixels.shape[1]] = pixels
    return padded
