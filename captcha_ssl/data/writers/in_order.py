"""For formats that are written from front to back: an image waits for those before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

Item = tuple[int, np.ndarray, str | None]
"""The index of an image, its pixels uint8 [C, H, W], and its label."""


class InOrder:
    """Takes images in any order and gives them back in that of their indices."""

    def __init__(self) -> None:
        self._next = 0
        self._waiting: dict[int, Item] = {}

    def __call__(
        self, first: int, images: np.ndarray, labels: Sequence[str | None]
    ) -> Iterator[Item]:
        """Take the images from `first` on; all that are next now."""
        for index, (image, label) in enumerate(zip(images, labels, strict=True), first):
            # A copy, where it has to wait: the caller may use its array again.
            held = image if index == self._next else image.copy()
            self._waiting[index] = (index, held, label)
            while self._next in self._waiting:
                yield self._waiting.pop(self._next)
                self._next += 1
