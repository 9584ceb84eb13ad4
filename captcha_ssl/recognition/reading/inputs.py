"""The images of a command line: files, datasets of any format, patterns, and `-`."""

# Unlike Path, os.path returns False (and does not raise) without permission.
# ruff: noqa: PTH112, PTH113, PTH118, PTH120
from __future__ import annotations

import glob
import os.path
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captcha_ssl.data.by_index import ByIndex
from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.name_list import Listed, list_named_by, problem_of_listed, read_names
from captcha_ssl.data.patterns import matching
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from captcha_ssl.data.sources import Source

STDIN = "-"
_TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".tar", ".parquet", ".zip")


@dataclass(frozen=True)
class Input:
    """One image to read with its reported name, or the reason why there is none.

    It is image `index` of a `source` if there is one, otherwise the file with that name.
    """

    name: str
    problem: str | None = None
    source: Source | None = None
    index: int = 0

    def pixels(self) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        if self.problem is not None:
            raise ImageError(self.name, self.problem)
        if self.source is not None:
            return self.source.read(self.index)
        if self.name == STDIN:
            return read_image(sys.stdin.buffer, name=STDIN)
        return read_image(Path(self.name))


class Inputs(ByIndex[Input]):
    """The inputs that arguments stand for, in their order; each is made when it is asked for.

    A folder or a table stands for the images of the dataset it holds, whatever its format; a
    pattern (`*`, `?`, `[…]`, `**`) that is not itself a file for its matches, sorted. An argument
    that stands for nothing, and a row that names no image, gives one input with a problem.
    """

    def __init__(self, arguments: Iterable[str]) -> None:
        self._parts: list[Sequence[Input]] = [
            part for argument in arguments for part in _parts_of(argument)
        ]
        self._ends = list(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _at(self, index: int) -> Input:
        number = bisect_right(self._ends, index)
        return self._parts[number][index - (self._ends[number - 1] if number else 0)]

    def __iter__(self) -> Iterator[Input]:
        for part in self._parts:
            yield from part


class _OfSource(ByIndex[Input]):
    """The images of a dataset, with rejected rows at their positions."""

    def __init__(self, path: str, source: Source) -> None:
        # The rows of a table name files beside it; what is in an archive is named by its path.
        self._root = os.path.dirname(path) if _names_files(source, path) else path
        self._source = source
        # Counted with the rows before it, each stands where the dataset has it.
        self._rejected = {
            place + (len(source) if row.before is None else row.before): row
            for place, row in enumerate(source.rejected)
        }
        self._places = sorted(self._rejected)

    def __len__(self) -> int:
        return len(self._source) + len(self._places)

    def _at(self, place: int) -> Input:
        row = self._rejected.get(place)
        if row is not None:
            return Input(os.path.join(self._root, row.row), row.reason)
        index = place - bisect_right(self._places, place)
        name = os.path.join(self._root, self._source.names[index])
        return Input(name, None, self._source, index)


def _parts_of(argument: str) -> Iterator[Sequence[Input]]:
    if isinstance(argument, Listed):
        yield _listed(argument)
        return
    names = None if argument == STDIN else list_named_by(Path(argument))
    if names is not None:
        yield from map(_listed, read_names(names))
        return
    if not glob.has_magic(argument) or os.path.lexists(argument):
        yield _part(argument)
        return
    matches = matching(argument)
    if not matches:
        yield (Input(argument, "no file matches this pattern"),)
    yield from map(_part, matches)


def _part(path: str) -> Sequence[Input]:
    if path == STDIN or not (os.path.isdir(path) or _is_table(path)):
        return (Input(path),)
    # The readers of databases and tables are not imported for plain images.
    from captcha_ssl.data.sources import open_source

    try:
        return _OfSource(path, open_source(Path(path), want_labels=False))
    except UserError as error:
        return (Input(path, str(error).removeprefix(f"{path}: ")),)


def _listed(name: str) -> Sequence[Input]:
    # As in every list: a folder that slipped into one could be the whole disk.
    return (Input(name, problem_of_listed(name)),)


def _names_files(source: Source, path: str) -> bool:
    from captcha_ssl.data.sources.files import FileSource

    return isinstance(source, FileSource) and os.path.isfile(path)


def _is_table(path: str) -> bool:
    return path.lower().endswith(_TABLES) and os.path.isfile(path)
