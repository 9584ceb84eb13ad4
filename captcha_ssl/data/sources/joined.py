"""Several datasets as one: those given together, and the shards in a folder."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from captcha_ssl.data.by_index import ByIndex
from captcha_ssl.data.name_list import STDIN, list_named_by
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.lmdb import is_lmdb
from captcha_ssl.data.sources.packed import is_packed
from captcha_ssl.data.sources.source import Source

_MOST_NOTES = 8
"""A pile of a thousand shards may have something to note on each."""


@dataclass
class JoinedSource:
    """The images of `parts` one after another, named by their part and their name in it.

    Those of a part without a title have the names that they have there.
    """

    kind: str
    parts: Sequence[Source]
    titles: Sequence[str]

    def __post_init__(self) -> None:
        self._ends = list(accumulate(map(len, self.parts)))
        self.names = JoinedNames(self)
        self.labels = self._labels()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @property
    def rejected(self) -> list[Rejected]:
        """The rejected rows of all parts."""
        return [
            Rejected(
                _named(title, entry.row),
                entry.reason,
                None if entry.before is None else self._start(number) + entry.before,
            )
            for number, (title, part) in enumerate(zip(self.titles, self.parts, strict=True))
            for entry in part.rejected
        ]

    @property
    def notes(self) -> list[str]:
        """Notes for the user on each part."""
        notes = [
            f"{title}: {note}" if title else note
            for title, part in zip(self.titles, self.parts, strict=True)
            for note in part.notes
        ]
        more = len(notes) - _MOST_NOTES
        return [*notes[:_MOST_NOTES], *([f"and {more:,} more such notes"] if more > 0 else [])]

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        number, place = self.locate(index)
        return self.parts[number].read(place)

    def locate(self, index: int) -> tuple[int, int]:
        """The part of an image, and its index there."""
        number = bisect_right(self._ends, index)
        return number, index - self._start(number)

    def _start(self, number: int) -> int:
        return self._ends[number - 1] if number else 0

    def _labels(self) -> list[str] | None:
        """The labels of all parts; None as soon as one part has none."""
        labels: list[str] = []
        for part in self.parts:
            if part.labels is None:
                return None
            labels += part.labels
        return labels


class JoinedNames(ByIndex[str]):
    """Names created on demand: packed parts may have many millions."""

    def __init__(self, source: JoinedSource) -> None:
        self._source = source

    def parts(self) -> Iterator[tuple[str, Sequence[str]]]:
        """The title of each part, and its names in it."""
        for title, part in zip(self._source.titles, self._source.parts, strict=True):
            yield title, part.names

    def __len__(self) -> int:
        return len(self._source)

    def _at(self, index: int) -> str:
        number, place = self._source.locate(index)
        return _named(self._source.titles[number], self._source.parts[number].names[place])


def _named(title: str, name: str) -> str:
    return f"{title}/{name}" if title else name


Paths = Path | Sequence[Path]
"""One dataset, or several that are read as one."""


def listed(paths: Paths) -> Path:
    """The name of one or several datasets in messages."""
    named = [paths] if isinstance(paths, Path) else paths
    return Path(", ".join("standard input" if path == STDIN else str(path) for path in named))


def titles(paths: Sequence[Path]) -> list[str]:
    """The prefix of each of several datasets in the names of its images, as short as possible.

    A list of files gets no prefix: its names are paths already.
    """
    places = [path for path in paths if list_named_by(path) is None]
    if not places:
        return [""] * len(paths)
    common = os.path.commonpath([path.absolute().parent for path in places])
    known = set(places)
    return [
        os.path.relpath(path, common).replace(os.sep, "/") if path in known else ""
        for path in paths
    ]


def find_shards(folder: Path) -> list[Path]:
    """The sorted subfolders of `folder` if all of them are packed or LMDB; else none."""
    try:
        with os.scandir(folder) as entries:
            below = sorted(
                folder / entry.name
                for entry in entries
                if entry.is_dir() and not entry.name.startswith(".")
            )
        return below if all(is_packed(entry) or is_lmdb(entry) for entry in below) else []
    except OSError:
        # The search for images reports folders without read permission.
        return []
