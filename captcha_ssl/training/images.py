"""Reads a dataset for training."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from captcha_ssl.data.dataset import Dataset, Stream, load_dataset, load_pile
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import Paths
from captcha_ssl.data.sweep import Progress
from captcha_ssl.models.frames import frames
from captcha_ssl.training.settings import ModelSettings


class LoadImages(Protocol):
    """Reads a dataset, like `load_images`, perhaps with messages for the user."""

    def __call__(
        self,
        data: Paths,
        model: ModelSettings,
        *,
        labeled: bool,
        geometry: Geometry | None = None,
        choose: bool = True,
        most: int | None = None,
    ) -> Dataset: ...


def load_images(
    data: Paths,
    model: ModelSettings,
    *,
    labeled: bool,
    geometry: Geometry | None = None,
    choose: bool = True,
    most: int | None = None,
    progress: Progress | None = None,
    stream: Stream = "off",
) -> Dataset:
    """Read `data` at a given geometry, or at the one of `model`.

    Raises UserError. With `choose`, the images decide their preparation if the geometry leaves it
    open. `stream` and `most`, for images without labels, as in `load_pile`.
    """
    read = (
        partial(load_dataset, data, labeled=True, frames=frames)
        if labeled
        else partial(load_pile, data, stream, most=most)
    )
    return read(
        geometry=geometry,
        channels=model.channels,
        height=model.height,
        width=model.width,
        pixels=model if choose else None,
        max_bad=model.max_bad,
        progress=progress,
    )
