"""Tells a reader how many characters its texts have."""

from __future__ import annotations

import numpy as np

from captcha_ssl.errors import UserError
from captcha_ssl.models.frames import frames
from captcha_ssl.recognition.reading.text_length import TextLength
from captcha_ssl.recognition.reading.text_reader import TextReader

ANY = "any"
"""Instead of a number: texts may have every length."""
_DIGITS = 9


class OfLength:
    """Reads like `reader`, but as texts of `length` characters, or `any`.

    Raises UserError for a length that is no number or has more characters than the frames of an
    image.
    """

    def __init__(self, reader: TextReader, length: str) -> None:
        self.reader, self.charset, self.geometry = reader, reader.charset, reader.geometry
        self.calibration = reader.calibration
        self.length = None if length == ANY else TextLength(_number(length, reader.geometry.width))

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → float32 [N, T, K]."""
        return self.reader.logits(images)


def _number(length: str, width: int) -> int:
    most = frames(width)
    number = length.isascii() and length.isdigit() and len(length) <= _DIGITS
    if not number or int(length) < 1:
        raise UserError(f"--length {length[:20]}: give a number of characters, or any")
    if int(length) > most:
        raise UserError(
            f"--length {length}: the model reads at most {most} characters in images {width} "
            "pixels wide"
        )
    return int(length)
