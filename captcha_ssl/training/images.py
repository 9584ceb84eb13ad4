"""Reading a dataset as a training asks for it."""

from __future__ import annotations

from typing import Protocol

from captcha_ssl.data.dataset import Dataset, load_dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import Paths
from captcha_ssl.data.sweep import Progress
from captcha_ssl.models.frames import frames
from captcha_ssl.training.settings import ModelSettings


class LoadImages(Protocol):
    """Reads a dataset; `load_images` does, and so does what tells a user about it besides."""

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
    """Read `data` at a given geometry, or at the one `model` asks for. Raises UserError.

    `choose` whether the images decide how they are prepared, where the geometry leaves it open.
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
