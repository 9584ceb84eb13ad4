"""Adapts a model to many images without labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from captcha_ssl.data.image import ImageError
from captcha_ssl.recognition.reading.clearest import Prepared, clearest
from captcha_ssl.recognition.reading.inputs import STDIN, Input
from captcha_ssl.recognition.reading.settling import Settled, kinds_in_words, settle
from captcha_ssl.recognition.reading.text_reader import BATCH_SIZE, TextReader

FEWEST, SAMPLE = 40, 48
"""The smallest number of images for adapting, and the size of the sample."""


@dataclass(frozen=True)
class Adapted:
    """A reader for a set of images, and a description of its adaptations."""

    reader: TextReader
    notes: tuple[str, ...] = ()


def adapt_reader(reader: TextReader, inputs: Sequence[Input], *, settling: bool = True) -> Adapted:
    """Adapt `reader` to `inputs`: to their pixels and, with `settling`, to the kinds they show.

    A sample from all parts of them is read for that. With too few images nothing changes.
    """
    if len(inputs) < FEWEST:
        return Adapted(reader)
    sample = (inputs[index] for index in sample_indices(len(inputs)))
    # Standard input can be read only once.
    images = list(_pixels(item for item in sample if item.name != STDIN))
    if len(images) < FEWEST:
        return Adapted(reader)
    notes = []
    preparation = clearest(reader, images)
    if preparation is not None:
        reader = Prepared(reader, preparation)
        notes.append(f"read more surely when prepared: {preparation}")
    characters = settle(_logits(reader, images), reader.charset) if settling else None
    if characters is not None:
        reader = Settled(reader, characters)
        notes.append(
            f"nearly all images show only {kinds_in_words(characters)}; other characters are "
            "read only if they are clear"
        )
    return Adapted(reader, tuple(notes))


def sample_indices(count: int) -> list[int]:
    """The indices of the sample of `count` images, evenly spread."""
    looked_at = min(count, SAMPLE)
    return [count * place // looked_at for place in range(looked_at)]


def _pixels(inputs: Iterator[Input]) -> Iterator[np.ndarray]:
    for item in inputs:
        try:
            yield item.pixels()
        except ImageError:
            continue


def _logits(reader: TextReader, images: Sequence[np.ndarray]) -> np.ndarray:
    fitted = np.stack([reader.geometry.fit(image) for image in images])
    batches = range(0, len(fitted), BATCH_SIZE)
    return np.concatenate([reader.logits(fitted[at : at + BATCH_SIZE]) for at in batches])
