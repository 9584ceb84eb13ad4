"""The pixels in which the shipped model reads the labels of a set, where the usual ones fail.

What is measured of the ink may be wrong: a photograph around a small text looks like the text. But
labels tell whether a reading is right. So the shipped model reads a sample of them in the usual
pixels, and if it fails, after other preparations, in bands of the images and in more rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from captcha_ssl.data.choose_preparation import choose_preparation
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image import ImageError
from captcha_ssl.data.look import Look, look_at
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.data.sources import Paths, Source, listed, open_source
from captcha_ssl.data.spread import spread_places
from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.notice import Say, silent
from captcha_ssl.recognition.evaluation.metrics import cer
from captcha_ssl.recognition.fine_tuning.initial import recognizer_at
from captcha_ssl.recognition.reading.clearest import candidates
from captcha_ssl.recognition.reading.text_reader import TextReader, read_images
from captcha_ssl.training.settings import ModelSettings, as_shipped

_SAMPLE = 32
_FAILS = 0.1
"""With more character errors than this, other pixels are tried."""
_MUCH_BETTER, _AS_GOOD = 0.5, 0.02
"""Other pixels are taken with so few of the errors, and the cheapest of those that differ less."""
_READ_AT_ALL = 0.6
"""With more character errors than this nothing is read, and to have fewer than before is chance."""
_READS = 0.05
"""With so few character errors nothing more is tried."""
_BANDS, _THINNEST = (3, 6), 12
"""The images are read in bands of these parts of their height, unless those are so few pixels."""
_ROWS = (64, 96, 128, 160)


@dataclass(frozen=True)
class ReadablePixels:
    """The geometry to train with, and the reason as a sentence for the user."""

    geometry: Geometry
    reason: str


def readable_pixels(
    data: Paths, model: ModelSettings, *, labels: int | None = None, say: Say = silent
) -> ReadablePixels | None:
    """Other pixels than the usual ones for labeled images; None if those are fine.

    They must halve the character errors of the shipped model, letter case aside, to 60% at most.
    It reads 32 labels, or `labels` if those are fewer; `say` gets a line before others are tried.
    None as well if the user has chosen any of it, for color, for too few labels, and for characters
    that the model does not know. Raises UserError for data that cannot be used.
    """
    sized = model.height is not None or model.width is not None
    if model.channels != 1 or sized or model.chosen:
        return None
    source, path = open_source(data, want_labels=True), listed(data)
    images, texts = _sample(source, min(_SAMPLE, labels or _SAMPLE))
    if len(images) < _SAMPLE // 2:
        return None
    look, model = look_at(path, source), as_shipped(model)
    usual = _geometry(look, model, choose_preparation(look.ink, model))
    reader = recognizer_at(Path(SHIPPED), usual)
    known = reader.charset.characters.casefold()
    written = "".join(texts)
    if sum(character in known for character in written) < len(written) / 2:
        # Of another alphabet it reads nothing in any pixels.
        return None

    def errors(reader: TextReader) -> float:
        read = read_images(reader, reader.geometry.fit_all(images))
        return cer(texts, [reading.text.casefold() for reading in read])

    before = errors(reader)
    if before <= _FAILS:
        return None
    say(
        f"the shipped model misreads {before:.0%} of the characters of {len(texts)} labels: "
        "trying other pixels"
    )
    tried: dict[Geometry, float] = {}
    for geometry in _others(look, model, images, usual):
        tried[geometry] = errors(recognizer_at(Path(SHIPPED), geometry))
        if tried[geometry] <= _READS:
            break
    best = min(tried.values())
    if best > min(_MUCH_BETTER * before, _READ_AT_ALL):
        return None
    good = (geometry for geometry, wrong in tried.items() if wrong <= best + _AS_GOOD)
    found = min(good, key=lambda geometry: geometry.height * geometry.width)
    steps = f" ({found.preparation})" if found.preparation else ""
    return ReadablePixels(
        found,
        f"reads images at {found}{steps}: there the shipped model misreads {tried[found]:.0%} of "
        f"the characters of {len(texts)} labels, and {before:.0%} at the usual {usual}",
    )


def _sample(source: Source, count: int) -> tuple[list[np.ndarray], list[str]]:
    """Images RGB uint8 [H, W, 3] from all parts of a source, and their labels without case."""
    images, labels = [], []
    for place in spread_places(len(source), count).tolist():
        with suppress(ImageError):
            images.append(source.read(place))
            labels.append((source.labels or ())[place].casefold())
    return images, labels


def _geometry(
    look: Look, model: ModelSettings, preparation: Preparation | None, height: int | None = None
) -> Geometry:
    return look.geometry(preparation, model.usual_height, channels=1, height=height, width=None)


def _others(
    look: Look, model: ModelSettings, images: list[np.ndarray], usual: Geometry
) -> Iterator[Geometry]:
    """The geometries after other preparations, of bands, and of more rows that the images have."""
    geometry = partial(_geometry, look, model)
    yield from map(geometry, candidates(images))
    rows = int(np.median([image.shape[0] for image in images]))
    for parts in _BANDS:
        if rows >= parts * _THINNEST:
            yield from map(geometry, _bands(parts))
    for height in _ROWS:
        if usual.height < height <= rows:
            yield geometry(usual.preparation, height)


def _bands(parts: int) -> Iterator[Preparation]:
    """Bands of the images, each half over the next."""
    for half in range(2 * parts - 1):
        top = half / (2 * parts)
        yield Preparation(trim="box", box=(0.0, round(top, 3), 1.0, round(top + 1 / parts, 3)))
