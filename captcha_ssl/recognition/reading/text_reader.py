"""The interface of a recognizer, and reading images in its geometry. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import ImageArray
from captcha_ssl.errors import DivergedError
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.reading.decoding import UNCALIBRATED, decode_path
from captcha_ssl.recognition.reading.text_length import TextLength, read_paths

if TYPE_CHECKING:
    from captcha_ssl.data.sweep import Progress

BATCH_SIZE = 256


class TextReader(Protocol):
    """A recognizer, in torch or in ONNX."""

    charset: Charset
    geometry: Geometry
    calibration: Calibration
    length: TextLength | None
    """The number of characters of its texts, if it knows that."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → finite float32 [N, T, K], class 0 the blank.

        Raises DivergedError for logits that are not finite.
        """
        ...


@dataclass(frozen=True)
class Reading:
    """A text with its confidence and those of its characters (0…1)."""

    text: str
    confidence: float
    char_confidences: tuple[float, ...]

    @property
    def text_confidence(self) -> float:
        """The confidence; 0 for an empty text, because a model may be sure that it sees none."""
        return self.confidence if self.text else 0.0


def mean_confidence(readings: Sequence[Reading]) -> float:
    """The mean of the confidences, in which empty texts count as 0. At least one reading."""
    return float(np.mean([reading.text_confidence for reading in readings]))


def finite(logits: np.ndarray, of: object) -> np.ndarray:
    """The `logits` themselves.

    Raises DivergedError if one of them is not finite. Otherwise a broken model would return a text
    with high confidence.
    """
    if not np.isfinite(logits).all():
        raise DivergedError(f"{of}: its answers are not finite numbers; train it again")
    return logits


def all_logits(reader: TextReader, images: ImageArray) -> np.ndarray:
    """The logits of a reader for one image uint8 [N, C, H, W] or more: float32 [N, T, K]."""
    batches = range(0, len(images), BATCH_SIZE)
    return np.concatenate([reader.logits(images[at : at + BATCH_SIZE]) for at in batches])


def read_images(
    reader: TextReader,
    images: ImageArray,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> list[Reading]:
    """Read uint8 images [N, C, H, W]; `progress(done, total)` is called after each batch."""
    readings: list[Reading] = []
    for start in range(0, len(images), batch_size):
        logits = reader.logits(images[start : start + batch_size])
        readings += to_readings(logits, reader.charset, reader.calibration, reader.length)
        if progress is not None:
            progress(len(readings), len(images))
    return readings


def to_readings(
    logits: np.ndarray,
    charset: Charset,
    calibration: Calibration = UNCALIBRATED,
    length: TextLength | None = None,
) -> list[Reading]:
    """Decode float logits [N, T, K], to texts of `length` if it is given."""
    return [
        Reading(charset.decode(decoded.classes), decoded.confidence, decoded.char_confidences)
        for decoded in decode_path(logits, read_paths(logits, length), calibration)
    ]
