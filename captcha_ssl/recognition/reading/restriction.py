"""Restricts a reader to some characters."""

from __future__ import annotations

import numpy as np

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.spelling import composed
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.reading.text_reader import TextReader


class Restricted:
    """Reads like `reader`, but only `characters`, as if the others had no class.

    Raises UserError for a character that the reader does not know, or for none at all.
    """

    def __init__(self, reader: TextReader, characters: str) -> None:
        characters = composed(characters)
        unknown = reader.charset.unknown(characters)
        if unknown or not characters:
            what = f"{unknown[0]!r} is unknown to the model" if unknown else "is empty"
            known = reader.charset.characters
            raise UserError(f"--charset: {what}, which reads {known!r}")
        self.reader, self.charset = reader, reader.charset
        self.geometry, self.calibration = reader.geometry, reader.calibration
        self.length = reader.length
        self._impossible = _others(reader.charset, characters)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → float32 [N, T, K]; −∞ where a character is ruled out."""
        logits = np.array(self.reader.logits(images))
        logits[:, :, self._impossible] = -np.inf
        return logits


def _others(charset: Charset, characters: str) -> np.ndarray:
    """The classes that are neither the blank nor among `characters`."""
    ruled_out = set(charset.characters) - set(characters)
    return np.array([k for k, c in enumerate(charset.characters, 1) if c in ruled_out], int)
