"""A recognizer's readings of the next images, as guesses for the user to accept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from captcha_ssl.data.image import ImageError
from captcha_ssl.data.sweep import Progress
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.recognition.evaluation.suspicion import (
    label_log_probabilities,
    wrong_label_probabilities,
)
from captcha_ssl.recognition.reading.text_reader import Reading, TextReader, to_readings

_BATCH = 64
_SURE = 0.8
_REMEMBERED = 50
"""The number of latest answers for the share of right guesses."""


class Guesses:
    """Readings of `pile` by a recognizer, computed on demand; none without a `reader`.

    `notes` say how the reader is adapted to the pile.
    """

    def __init__(
        self, pile: Pile, reader: TextReader | None, name: str, notes: Sequence[str] = ()
    ) -> None:
        self.pile, self.reader, self.name, self.notes = pile, reader, name, notes
        self.readings: dict[int, Reading] = {}
        self.damaged: dict[int, str] = {}
        """Unreadable images with the reason."""
        self._seen: set[int] = set()
        self._right: deque[bool] = deque(maxlen=_REMEMBERED)

    def read(self, indices: Iterable[int], progress: Progress | None = None) -> None:
        """Read the images that are not read yet."""
        wanted = [index for index in indices if index not in self._seen]
        for _ in self._read(wanted, progress):
            pass

    def wrong_labels(
        self, labels: Mapping[int, str], progress: Progress | None = None
    ) -> dict[int, float]:
        """The probability that each label is wrong (0…1), where the image can be read.

        Reads the images, also those that are read already.
        """
        found: dict[int, float] = {}
        if self.reader is None:
            return found
        charset = self.reader.charset
        length = self.reader.length.characters if self.reader.length else None
        for read, logits in self._read(list(labels), progress):
            own = [labels[index] for index in read]
            readings = [self.readings[index] for index in read]
            known = label_log_probabilities(logits, own, charset, self.reader.calibration.text)
            wrong = wrong_label_probabilities(own, readings, known, len(charset), length=length)
            found |= dict(zip(read, wrong.tolist(), strict=True))
        return found

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

    def _read(
        self, indices: list[int], progress: Progress | None
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Read images in batches; yields which ones and their logits float32 [N, T, K]."""
        for start in range(0, len(indices), _BATCH):
            batch = indices[start : start + _BATCH]
            self._seen.update(batch)
            images = self._fitted(batch)
            if images and (reader := self.reader) is not None:
                logits = reader.logits(np.stack(list(images.values())))
                found = to_readings(logits, reader.charset, reader.calibration, reader.length)
                self.readings |= dict(zip(images, found, strict=True))
                yield list(images), logits
            if progress is not None:
                progress(min(start + _BATCH, len(indices)), len(indices))

    def _fitted(self, indices: list[int]) -> dict[int, np.ndarray]:
        """The images for the reader; damaged ones are noted."""
        images: dict[int, np.ndarray] = {}
        for index in indices:
            try:
                pixels = self.pile.pixels(index)
            except ImageError as error:
                self.damaged[index] = error.reason
                continue
            if self.reader is not None:
                images[index] = self.reader.geometry.fit(pixels)
        return images
