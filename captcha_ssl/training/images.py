"""Reads a dataset for training."""

from __future__ import annotations

from typing import Protocol

from captcha_ssl.data.dataset import Dataset, load_dataset
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
    ) -> Dataset: ...


def load_images(
    data: Paths,
    model: ModelSettings,
    *,
    labeled: bool,
    geometry: Geometry | None = None,
    choose: bool = True,
    progress: Progress | None = None,
) -> Dataset:
    """Read `data` at a given geometry, or at the one of `model`.

    Raises UserError. With `choose`, the images decide their preparation if the geometry leaves it
    open.
    """
    return load_dataset(
        data,
        labeled=labeled,
        geometry=geometry,
        channels=model.channels,
        height=model.height,
        width=model.width,
        pixels=model if choose else None,
        max_bad=model.max_bad,
        frames=frames if labeled else None,
        progress=progress,
    )
