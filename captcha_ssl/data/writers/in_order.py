"""For sequential formats: an image waits for the images before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

Item = tuple[int, np.ndarray, str | None]
"""The index of an image, its pixels uint8 [C, H, W], and its label."""


class InOrder:
    """Accepts images in any order and returns them in the order of their indices."""

    def __init__(self) -> None:
        self._next = 0
        self._waiting: dict[int, Item] = {}

    def __call__(
        self, first: int, images: np.ndarray, labels: Sequence[str | None]
    ) -> Iterator[Item]:
        """Accept the images from `first` on; returns all that are next in order."""
        for index, (image, label) in enumerate(zip(images, labels, strict=True), first):
            # Copy a waiting image: the caller may reuse its array.
            held = image if index == self._next else image.copy()
            self._waiting[index] = (index, held, label)
            while self._next in self._waiting:
                yield self._waiting.pop(self._next)
                self._next += 1
