"""Labels in file names: `label_anything.png`, or `label.png` where the caller expects labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.source import Rejected
from captcha_ssl.errors import UserError

_LABELED = re.compile(r"[^\W_]{1,32}_.+")
_SHARE = 0.9


def carry_labels(names: Sequence[str]) -> bool:
    """Whether the names themselves say that they begin with a label.

    At least 90% look like `label_anything`, and not all with the same label, as `img_0001` does.
    """
    stems = [stem for stem in map(_stem, names) if _LABELED.fullmatch(stem)]
    if len(stems) < _SHARE * len(names):
        return False
    return len(names) == 1 or len({_label(stem) for stem in stems}) > 1


def source_from_names(folder: Path, names: Sequence[str]) -> FileSource:
    """Images labeled by what their names hold before the first underscore.

    Raises UserError for names that cannot be labels: all alike, or running numbers.
    """
    labels = [_label(_stem(name)) for name in names]
    _refuse_numbering(folder, names, labels)
    kept = [(name, label) for name, label in zip(names, labels, strict=True) if label]
    return FileSource(
        "labels in file names",
        folder,
        [name for name, _ in kept],
        [label for _, label in kept],
        [
            Rejected(name, "its name holds no label")
            for name, label in zip(names, labels, strict=True)
            if not label
        ],
    )


def _refuse_numbering(folder: Path, names: Sequence[str], labels: Sequence[str]) -> None:
    if len(names) < 2:
        return
    alike = len(set(labels)) == 1
    if not alike and not _running_numbers(labels):
        return
    what = "all begin alike" if alike else "are running numbers"
    raise UserError(
        f"{folder}: no labels: the file names ({names[0]}, …) {what}; "
        "add a labels.csv with the header filename,label"
    )


def _running_numbers(labels: Sequence[str]) -> bool:
    if not all(label.isascii() and label.isdecimal() for label in labels):
        return False
    numbers = sorted(map(int, labels))
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _label(stem: str) -> str:
    return stem.partition("_")[0].strip()
