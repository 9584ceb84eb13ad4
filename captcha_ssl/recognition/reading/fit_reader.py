"""Fits a reader to many images without labels: to their pixels, and to what their texts share.

Nothing is trained here; recognition/adaptation does that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from captcha_ssl.data.character_kinds import kinds_in_signs
from captcha_ssl.data.image import ImageError
from captcha_ssl.recognition.reading.clearest import Prepared, clearest
from captcha_ssl.recognition.reading.common_traits import (
    WithCommonCharacters,
    characters_in_words,
    common_characters,
    common_text_length,
    with_common_kinds,
)
from captcha_ssl.recognition.reading.of_length import OfLength
from captcha_ssl.recognition.reading.text_length import TextLength
from captcha_ssl.recognition.reading.text_reader import (
    TextReader,
    all_logits,
    mean_confidence,
    to_readings,
)

FEWEST, SAMPLE = 40, 48
"""The smallest number of images to fit a reader to, and the size of the sample."""
_READS = 0.1
"""With less confidence than this in the mean, a reader does not read but guess."""


@dataclass(frozen=True)
class FittedReader:
    """A reader for a set of images, and what was fitted, in words."""

    reader: TextReader
    notes: tuple[str, ...] = ()
    characters: str | None = None
    length: TextLength | None = None
    """What nearly all texts have in common, as far as the images tell."""


def fit_reader(
    reader: TextReader,
    images: Sequence[np.ndarray],
    *,
    characters: bool = True,
    length: bool = True,
) -> FittedReader:
    """Fit `reader` to images: their pixels, and the `characters` and the `length` of their texts.

    Takes RGB uint8 [H, W, 3], a sample of those to be read. With too few of them nothing changes.
    """
    if len(images) < FEWEST:
        return FittedReader(reader)
    notes = []
    preparation = clearest(reader, images)
    if preparation is not None:
        reader = Prepared(reader, preparation)
        notes.append(f"read more surely when prepared: {preparation}")
    logits = all_logits(reader, reader.geometry.fit_all(images))
    found = fit_to_texts(reader, logits, characters=characters, length=length)
    return replace(found, notes=(*notes, *found.notes))


def fit_to_texts(
    reader: TextReader, logits: np.ndarray, *, characters: bool = True, length: bool = True
) -> FittedReader:
    """Fit `reader` to the `characters` and the `length` that nearly all texts have.

    `logits`, float [N, T, K], are those of `reader` for a sample of the images. With fewer than
    FEWEST of them nothing changes, nor if the reader cannot read them at all.
    """
    if len(logits) < FEWEST:
        return FittedReader(reader)
    if mean_confidence(to_readings(logits, reader.charset, reader.calibration)) < _READS:
        return FittedReader(reader)
    notes = []
    shown = common_characters(logits, reader.charset, reader.calibration) if characters else None
    if shown is not None:
        notes.append(
            f"nearly all images show only {characters_in_words(shown, reader.charset)}; other "
            "characters are read only if they are clear"
        )
        reader = WithCommonCharacters(reader, shown)
        logits = reader.ruled(logits)
    usual = common_text_length(logits) if length else None
    if usual is not None:
        usual = with_common_kinds(usual, logits, reader.charset, reader.calibration)
        reader = OfLength(reader, usual)
        form = f" and the form {kinds_in_signs(usual.kinds)}" if usual.kinds else ""
        notes.append(
            f"nearly all texts have length {usual.characters}{form}; others are read only if they "
            "are clear"
        )
    return FittedReader(reader, tuple(notes), shown, usual)


def sample_images(count: int, pixels: Callable[[int], np.ndarray]) -> list[np.ndarray]:
    """A sample from all parts of `count` images, which `pixels` reads by their indices.

    Images that raise ImageError are left out; too few images are not read at all.
    """
    if count < FEWEST:
        return []
    looked_at = min(count, SAMPLE)
    found = []
    for place in range(looked_at):
        with suppress(ImageError):
            found.append(pixels(count * place // looked_at))
    return found
