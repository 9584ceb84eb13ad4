"""Reads image files one after another, whatever state they are in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from captcha_ssl.data.image import ImageError
from captcha_ssl.recognition.inputs import Input
from captcha_ssl.recognition.reading import Reading, read_images
from captcha_ssl.recognition.recogniser import Recogniser


@dataclass(frozen=True)
class Prediction:
    """What was read in the image `path`, or the `error` that kept it from being read."""

    path: str
    reading: Reading | None = None
    error: str | None = None


class Predictor:
    """A recogniser and the way from image files to texts."""

    def __init__(self, model: Path, device: torch.device) -> None:
        """Load a run directory or a model file. Raises UserError when it holds no recogniser."""
        self.recogniser = Recogniser.load(model, device)

    def predict(self, inputs: Iterable[Input], batch_size: int = 64) -> Iterator[Prediction]:
        """One prediction for each input, in order; an unreadable image does not stop the rest."""
        remaining = iter(inputs)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            while batch := list(islice(remaining, batch_size)):
                yield from self._read(batch, list(pool.map(self._pixels, batch)))

    def _pixels(self, item: Input) -> np.ndarray | ImageError:
        try:
            return self.recogniser.geometry.fit(item.pixels())
        except ImageError as error:
            return error

    def _readings(self, images: list[np.ndarray]) -> list[Reading]:
        if not images:
            return []
        return read_images(self.recogniser, np.stack(images), batch_size=len(images))

    def _read(
        self, batch: list[Input], outcomes: list[np.ndarray | ImageError]
    ) -> Iterator[Prediction]:
        images = [outcome for outcome in outcomes if isinstance(outcome, np.ndarray)]
        readings = iter(self._readings(images))
        for item, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, ImageError):
                yield Prediction(item.name, error=outcome.reason)
            else:
                yield Prediction(item.name, next(readings))
