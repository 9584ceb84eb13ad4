"""The pixels in which the shipped model reads a pile most surely, found as `predict` finds them."""

from __future__ import annotations

from captcha_ssl.data.choose_preparation import choose_preparation
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.look import look_at
from captcha_ssl.data.sources import Paths, listed, open_source
from captcha_ssl.data.spread import spread_places
from captcha_ssl.recognition.reading.clearest import Prepared, clearest
from captcha_ssl.recognition.reading.fit_reader import FEWEST, SAMPLE
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.training.settings import ModelSettings

_HALF_SURE = 0.5
"""Above this mean confidence the usual preparation is learned from. What reads best at once need
not teach best: cut to its ink the bed `meter` was learned to 96.6%, as it is to 100%."""


def clearest_geometry(pile: Paths, model: ModelSettings) -> Geometry | None:
    """The geometry of the images with the preparation in which they are read most surely.

    None if they are read half surely as their measurements suggest, if no other preparation is
    better, if the user chose one, for color and for too few images. Raises UserError for images
    that cannot be read.
    """
    source, path = open_source(pile, want_labels=False), listed(pile)
    if model.chosen or model.channels != 1 or len(source) < FEWEST:
        return None
    look = look_at(path, source)
    images = [look.measured[place] for place in spread_places(len(look.measured), SAMPLE)]
    if len(images) < FEWEST:
        return None
    reader, measured = open_reader(None), choose_preparation(look.ink, model)
    found = clearest(Prepared(reader, measured) if measured else reader, images, _HALF_SURE)
    if found is None:
        return None
    return look.geometry(
        found, model.usual_height, channels=1, height=model.height, width=model.width
    )
