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
    """Reads like `reader`, but texts of `length`; None: of every length."""

    def __init__(self, reader: TextReader, length: TextLength | None) -> None:
        self.reader, self.charset, self.geometry = reader, reader.charset, reader.geometry
        self.calibration, self.length = reader.calibration, length

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → float32 [N, T, K]."""
        return self.reader.logits(images)


def asked_length(length: str, width: int) -> TextLength | None:
    """What `--length` asks for, a number of characters or `any`, in images `width` pixels wide.

    Raises UserError for a length that is no number or has more characters than the frames of an
    image.
    """
    if length == ANY:
        return None
    number = length.isascii() and length.isdigit() and len(length) <= _DIGITS
    if not number or int(length) < 1:
        raise UserError(f"--length {length[:20]}: give a number of characters, or any")
    if int(length) > frames(width):
        raise UserError(
            f"--length {length}: the model reads at most {frames(width)} characters in images "
            f"{width} pixels wide"
        )
    return TextLength(int(length))
