"""The order in which images are labeled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from captcha_ssl.recognition.reading.text_reader import Reading

ORDERS = ("random", "unsure", "suggest")
SAMPLE = 5_000
"""The number of images that are read to find the unsure ones."""


def random_order(count: int, seed: int) -> list[int]:
    """All indices below `count`, shuffled."""
    return np.random.default_rng(seed).permutation(count).tolist()


def unsure_first(order: Sequence[int], readings: Mapping[int, Reading]) -> list[int]:
    """`order` with the images that are read at the beginning, the least sure first."""
    read = [index for index in order if index in readings]
    read.sort(key=lambda index: readings[index].confidence)
    return read + [index for index in order if index not in readings]


def suspicious_first(
    labels: Mapping[int, str], readings: Mapping[int, Reading], wrong: Mapping[int, float]
) -> list[int]:
    """The labeled images, the most probably `wrong` labels first.

    Equally probable ones come in this order: those that are read otherwise, the surest first; those
    that are read as labeled, the least sure first; those not read.
    """

    def suspicion(index: int) -> tuple[float, float]:
        reading, probability = readings.get(index), wrong.get(index, 0.0)
        if reading is None:
            return probability, -1.0
        sure = reading.confidence
        return probability, sure if reading.text != labels[index] else -sure

    return sorted(labels, key=suspicion, reverse=True)


def in_front(chosen: Sequence[int], order: Sequence[int]) -> list[int]:
    """`order` with the `chosen` indices moved to its beginning."""
    first = set(chosen)
    return [*chosen, *(index for index in order if index not in first)]
