"""A recognizer's readings of the next images, as guesses for the user to accept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from captcha_ssl.data.image import ImageError
from captcha_ssl.data.sweep import Progress
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.recognition.reading.text_reader import Reading, TextReader, read_images

_BATCH = 64
_SURE = 0.8
_REMEMBERED = 50
"""The number of latest answers for the share of right guesses."""


class Guesses:
    """Readings of `pile` by a recognizer, computed on demand; none without a `reader`."""

    def __init__(self, pile: Pile, reader: TextReader | None, name: str) -> None:
        self.pile, self.reader, self.name = pile, reader, name
        self.readings: dict[int, Reading] = {}
        self.damaged: dict[int, str] = {}
        """Unreadable images with the reason."""
        self._seen: set[int] = set()
        self._right: deque[bool] = deque(maxlen=_REMEMBERED)

    def read(self, indices: Iterable[int], progress: Progress | None = None) -> None:
        """Read the images that are not read yet."""
        wanted = [index for index in indices if index not in self._seen]
        for start in range(0, len(wanted), _BATCH):
            self._read(wanted[start : start + _BATCH])
            if progress is not None:
                progress(min(start + _BATCH, len(wanted)), len(wanted))

    def judge(self, right: bool) -> None:
        """Note whether the guess equals the user's label."""
        self._right.append(right)

    def score(self) -> tuple[int, int]:
        """The number of right guesses among the last answers, and the number of these answers."""
        return sum(self._right), len(self._right)

    def characters(self) -> set[str]:
        """The characters in all readings so far that are not doubtful."""
        return {
            character
            for reading in self.readings.values()
            for character, sure in zip(reading.text, reading.char_confidences, strict=True)
            if sure > _SURE
        }

    def _read(self, indices: list[int]) -> None:
        images: dict[int, np.ndarray] = {}
        self._seen.update(indices)
        for index in indices:
            try:
                pixels = self.pile.pixels(index)
            except ImageError as error:
                self.damaged[index] = error.reason
                continue
            if self.reader is not None:
                images[index] = self.reader.geometry.fit(pixels)
        if images and self.reader is not None:
            found = read_images(self.reader, np.stack(list(images.values())))
            self.readings |= dict(zip(images, found, strict=True))
