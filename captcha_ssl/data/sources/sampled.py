"""Some images of a source, as a source of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from captcha_ssl.data.sources.source import Rejected, Source
from captcha_ssl.data.spread import spread_places


class SampledSource:
    """Up to `most` unlabeled images of `source`, spread evenly over it."""

    labels: Sequence[str] | None = None

    def __init__(self, source: Source, most: int) -> None:
        self._source = source
        self._indices = spread_places(len(source), most)
        names = source.names
        self.names: Sequence[str] = [names[index] for index in self._indices.tolist()]

    @property
    def kind(self) -> str:
        return self._source.kind

    @property
    def rejected(self) -> list[Rejected]:
        return self._source.rejected

    @property
    def notes(self) -> Sequence[str]:
        """Those of the whole source, and how many of its images are read."""
        read, there = len(self), len(self._source)
        return [*self._source.notes, f"{read:,} of {there:,} images are read, spread evenly"]

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        return self._source.read(int(self._indices[index]))
