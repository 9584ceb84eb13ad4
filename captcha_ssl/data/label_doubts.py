"""Labels that contradict each other, that a program has probably changed, or that teach nothing.

A spreadsheet, or a library that reads a column as numbers, drops leading zeros, appends `.0`, and
shortens long numbers to `1.2E+11`. Every row is then still a usable label, and only all of them
together show it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.splits import duplicate_groups
from captcha_ssl.printable import quoted, shown

_MANY = 20
"""The fewest labels that show whether leading zeros are missing."""
_SHARE = 0.9
"""The share of labels that end in `.0` from which this is no property of the images."""
_FULL = 0.8
"""The share of numbers that have all digits: of random ones, 90% have no leading zero."""
_SCIENTIFIC = re.compile(r"-?\d([.,]\d+)?E\+\d+", re.ASCII)
_MOST_COMPARED = 100_000
"""Of more images not all pixels are read for this."""
_REMEDY = "write the column of labels as text"


def label_notes(labels: Sequence[str]) -> list[str]:
    """What is doubtful in these labels as a whole, one sentence each."""
    return [note for note in (_constant(labels), _as_numbers(labels)) if note]


def conflict_notes(images: ImageArray, labels: Sequence[str], names: Sequence[str]) -> list[str]:
    """A sentence on images uint8 [N, …] that are equal as they are prepared, but not labeled so."""
    if len(images) > _MOST_COMPARED:
        return []
    pairs = []
    for first, *copies in duplicate_groups(images):
        other = next((index for index in copies if labels[index] != labels[first]), None)
        if other is not None:
            pairs.append((other, first))
    if not pairs:
        return []
    two, one = min(pairs)
    return [
        f"{len(pairs):,} images occur again with another label, as {shown(names[one])} "
        f"({quoted(labels[one])}) and {shown(names[two])} ({quoted(labels[two])}); a recognizer "
        "sees no difference"
    ]


def _constant(labels: Sequence[str]) -> str:
    if len(labels) < 2 or any(label != labels[0] for label in labels):
        return ""
    return (
        f"all {len(labels):,} labels are {quoted(labels[0])}: a recognizer can learn to print it "
        "without looking at the images"
    )


def _as_numbers(labels: Sequence[str]) -> str:
    """A sentence on labels that were read as numbers; empty if nothing shows it."""
    scientific = [label for label in labels if _SCIENTIFIC.fullmatch(label)]
    if scientific:
        return (
            f"{len(scientific):,} labels are shortened numbers, as {quoted(scientific[0])}, "
            f"whose digits are lost: {_REMEDY}"
        )
    floats = [label for label in labels if label.endswith(".0") and label[:-2].isdecimal()]
    if len(floats) >= max(2.0, _SHARE * len(labels)):
        return (
            f"{len(floats):,} labels end in .0, as {quoted(floats[0])}: if the images do not show "
            f"it, a program read the labels as numbers; {_REMEDY}"
        )
    return _without_zeros(labels)


def _without_zeros(labels: Sequence[str]) -> str:
    if len(labels) < _MANY or not all(map(_is_number, labels)):
        return ""
    # Texts without any zero have no leading ones to lose.
    if not any("0" in label for label in labels):
        return ""
    digits = max(map(len, labels))
    short = [label for label in labels if len(label) < digits]
    if not short or len(short) > (1 - _FULL) * len(labels):
        return ""
    return (
        f"{len(short):,} labels have fewer than {digits} digits, as {quoted(short[0])}, and none "
        "has a leading zero: if the images show leading zeros, a program read the labels as "
        f"numbers; {_REMEDY}"
    )


def _is_number(label: str) -> bool:
    """Whether it is a whole number as a program prints it, without leading zeros."""
    return label.isascii() and label.isdecimal() and (label == "0" or not label.startswith("0"))
