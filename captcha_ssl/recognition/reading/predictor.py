"""Reads images one after another; unreadable ones give an error instead of a text."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from captcha_ssl.data.image import ImageError
from captcha_ssl.recognition.reading.inputs import Input
from captcha_ssl.recognition.reading.text_reader import Reading, TextReader, read_images

THREADS = min(8, os.cpu_count() or 1)
AHEAD = 2 * THREADS
"""The number of batches in progress before the result of the oldest one is needed."""


@dataclass(frozen=True)
class Prediction:
    """The reading of the image `path`, or the `error`."""

    path: str
    reading: Reading | None = None
    error: str | None = None


class Predictor:
    """Reads image files with a recognizer."""

    def __init__(self, reader: TextReader) -> None:
        self.reader = reader

    def predict(self, inputs: Iterable[Input], batch_size: int = 16) -> Iterator[Prediction]:
        """One prediction for each input, in order; an unreadable image does not stop the rest.

        Batches are read in parallel, one per core.
        """
        remaining, waiting = iter(inputs), deque[Future[list[Prediction]]]()
        pool = ThreadPoolExecutor(THREADS)
        try:
            while batch := list(islice(remaining, batch_size)):
                waiting.append(pool.submit(self._read, batch))
                if len(waiting) > AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            # Otherwise an interruption would wait for all batches.
            pool.shutdown(cancel_futures=True)

    def _read(self, batch: Sequence[Input]) -> list[Prediction]:
        outcomes = [self._pixels(item) for item in batch]
        images = [outcome for outcome in outcomes if isinstance(outcome, np.ndarray)]
        readings = iter(read_images(self.reader, np.stack(images)) if images else ())
        return [
            Prediction(item.name, error=outcome.reason)
            if isinstance(outcome, ImageError)
            else Prediction(item.name, next(readings))
            for item, outcome in zip(batch, outcomes, strict=True)
        ]

    def _pixels(self, item: Input) -> np.ndarray | ImageError:
        try:
            return self.reader.geometry.fit(item.pixels())
        except ImageError as error:
            return error
