"""Counts over the labels of a dataset, for the report of `check-data`."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from captcha_ssl.data.charset import frames_needed
from captcha_ssl.data.label_checks import width_for
from captcha_ssl.data.sources import Source
from captcha_ssl.printable import printable

_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True)
class FramesCheck:
    """The most frames that a label needs for CTC, and those that a model has."""

    needed: int
    available: int
    labels_too_long: int
    width_that_would_do: int


@dataclass(frozen=True)
class LabelReport:
    """Counts over the labels of the usable images.

    `conflicts` groups equal images whose labels differ; `unlabeled` counts the images in the same
    folder without a usable label. `right_to_left` counts labels in right-to-left scripts, `hidden`
    labels with invisible characters.
    """

    charset: str
    characters: dict[str, int]
    lengths: dict[int, int]
    frames: FramesCheck
    conflicts: list[list[str]]
    unlabeled: int
    right_to_left: int
    hidden: int


def report_labels(
    source: Source,
    usable: Sequence[int],
    equal: Sequence[np.ndarray],
    frames: Callable[[int], int],
    width: int,
    unlabeled: int,
) -> LabelReport | None:
    """The report of the labels of the `usable` images; None where there are none.

    `equal` are groups of images with the same pixels, `frames` maps a width in pixels to a model's
    number of frames, `width` is that of the geometry.
    """
    if source.labels is None:
        return None
    texts, names = source.labels, source.names
    labels = [texts[i] for i in usable]
    characters = _counts(character for label in labels for character in label)
    disputed = [group for group in equal if len({texts[i] for i in group}) > 1]
    return LabelReport(
        charset="".join(characters),
        characters=characters,
        lengths=_counts(map(len, labels)),
        frames=_check_frames(labels, width, frames),
        conflicts=[[f"{names[i]}: {texts[i]}" for i in group] for group in disputed],
        unlabeled=unlabeled,
        right_to_left=sum(map(_is_right_to_left, labels)),
        hidden=sum(printable(label) != label for label in labels),
    )


def _is_right_to_left(label: str) -> bool:
    return not label.isascii() and any(
        unicodedata.bidirectional(character) in ("R", "AL") for character in label
    )


def _counts(values: Iterable[_Key]) -> dict[_Key, int]:
    return dict(sorted(Counter(values).items()))


def _check_frames(labels: Sequence[str], width: int, frames: Callable[[int], int]) -> FramesCheck:
    needs, available = [frames_needed(label) for label in labels], frames(width)
    return FramesCheck(
        needed=max(needs),
        available=available,
        labels_too_long=sum(need > available for need in needs),
        width_that_would_do=width_for(max(needs), width, frames),
    )
