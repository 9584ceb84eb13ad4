"""Narrows what a reader may read to what the user knows about the texts."""

from __future__ import annotations

from captcha_ssl.recognition.reading.of_length import OfLength, asked_length
from captcha_ssl.recognition.reading.restriction import Restricted
from captcha_ssl.recognition.reading.text_reader import TextReader


def narrowed(
    reader: TextReader, *, length: str | None = None, charset: str | None = None
) -> TextReader:
    """`reader` for texts of that `length` (a number, or `any`) and of these characters alone.

    None leaves it as it is. Raises UserError like `asked_length` and `Restricted`.
    """
    if length is not None:
        reader = OfLength(reader, asked_length(length, reader.geometry.width))
    return reader if charset is None else Restricted(reader, charset)
