"""Finds the preparation with which a model is most confident on a set of images.

Small text in a large image, or color that luminance loses, is read badly, and the model's own
confidence shows it. No labels are needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from captcha_ssl.data.choose_preparation import black_level, choose_preparation, ink_kind
from captcha_ssl.data.ink_report import measure
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.recognition.reading.text_reader import TextReader, mean_confidence, read_images

SURE = 0.75
"""Above this mean confidence no preparation is tried."""
_GAIN = 0.05
"""The smallest gain in confidence for choosing a preparation; less may be noise."""

_MARGINS = (0.1, 0.2)
"""Shares of the rows that are cut off above and below."""
_NARROW = 0.1
"""The window, in heights, in which only the strongest ink is left."""


class Prepared:
    """Reads as `reader` does, but images are prepared by `preparation` when they are fitted."""

    def __init__(self, reader: TextReader, preparation: Preparation) -> None:
        self.reader, self.charset, self.calibration = reader, reader.charset, reader.calibration
        self.length = reader.length
        self.preparation = preparation
        self.geometry = replace(reader.geometry, preparation=preparation)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → float32 [N, T, K]."""
        return self.reader.logits(images)


def clearest(
    reader: TextReader, images: Sequence[np.ndarray], sure_enough: float = SURE
) -> Preparation | None:
    """The best preparation for RGB uint8 images [H, W, 3]; None if none is clearly better.

    Each candidate is judged by the mean confidence of the texts; an empty text counts as 0. None is
    tried where the images are read with a confidence of `sure_enough` as they are.
    """
    best, found = confidence(reader, images), None
    if best >= sure_enough:
        return None
    best += _GAIN
    for preparation in candidates(images):
        sure = confidence(Prepared(reader, preparation), images)
        if sure > best:
            best, found = sure, preparation
    return found


def confidence(reader: TextReader, images: Sequence[np.ndarray]) -> float:
    """The mean confidence of `reader` on RGB uint8 images [H, W, 3]."""
    return mean_confidence(read_images(reader, reader.geometry.fit_all(images), 16))


def candidates(images: Sequence[np.ndarray]) -> Iterator[Preparation]:
    """Preparations to try on RGB uint8 images [H, W, 3], the simplest first."""
    yield Preparation(trim="image")
    # Over a pattern no ink ends where the text does, so nothing else cuts a margin off.
    for margin in _MARGINS:
        yield Preparation(trim="box", box=(0.0, margin, 1.0, 1 - margin))
    if any((image[..., :1] != image).any() for image in images):
        yield Preparation(gray="minimum")
        yield Preparation(gray="minimum", trim="image")
        yield Preparation(gray="maximum", trim="image")
    ink = measure(images)
    if ink is None:
        return
    chosen = choose_preparation(ink)
    if chosen is not None:
        yield chosen
        if chosen.trim != "image":
            yield replace(chosen, trim="image")
    lifted = Preparation(flatten="closing", ink=ink_kind(ink), gray="minimum", trim="image")
    yield lifted
    # Only the strongest ink in the image: text over a print, a frame or a grain.
    yield replace(lifted, level=black_level(ink.strongest), window=_NARROW)
