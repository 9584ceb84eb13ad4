"""Tables of image paths and labels: `filename,label` with a header, or PaddleOCR's
`path<TAB>label` without one."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from captcha_ssl.data.image_files import find_images
from captcha_ssl.data.image_kinds import SUFFIXES
from captcha_ssl.data.label_text import UNDECODABLE, form_note
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.rows import LABEL_COLUMNS, TableRow, read_rows
from captcha_ssl.data.sources.source import Source
from captcha_ssl.data.sources.stores import Stores
from captcha_ssl.data.spelling import Spellings
from captcha_ssl.errors import UserError
from captcha_ssl.printable import quoted, shortened
from captcha_ssl.text_file import first_line

TABLE_KIND = "table of labels"
TABLES = ("labels.csv", "labels.tsv", "labels.txt")
METADATA_CSV = "metadata.csv"
SUFFIXES_OF_TABLES = frozenset((".csv", ".tsv", ".txt"))
_PATH_COLUMNS = ("filename", "file_name", "name", "path", "file", "image")
_OUTSIDE, _MISSING = "outside the dataset folder", "no such file"
_DIFFERENT_NAMED = 3
_ON_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_MOST_SHOWN = 200


def find_table(folder: Path) -> Path | None:
    """The table of labels in `folder`, if there is one; upper and lower case do not matter."""
    for name in TABLES:
        if (folder / name).is_file():
            return folder / name
    present: dict[str, str] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                known = entry.name.lower()
                if known in TABLES:
                    present[known] = max(present.get(known, ""), entry.name)
    except OSError:
        return None
    tables = (folder / present[name] for name in TABLES if name in present)
    return next((table for table in tables if table.is_file()), None)


def is_metadata_csv(folder: Path) -> bool:
    """Whether `folder` has a metadata.csv of Hugging Face with files and texts."""
    file = folder / METADATA_CSV
    first = first_line(file)
    names = {cell.strip(' "').lower() for cell in first.split(",")}
    return "file_name" in names and not names.isdisjoint(LABEL_COLUMNS)


def open_metadata_csv(folder: Path, want_labels: bool | None) -> FileSource:
    """A folder of images with such a metadata.csv. Raises UserError like `open_table`."""
    return open_table(folder / METADATA_CSV, want_labels=want_labels)


def open_table(table: Path, *, want_labels: bool | None) -> FileSource:
    """The images a table lists, relative to its folder or to `images/` beside it.

    Rows that are ambiguous, whose file is missing or outside that folder, or that repeat an earlier
    row, are rejected; so are rows without a usable label unless `want_labels` is False. Raises
    UserError if the table cannot be read.
    """
    files = Files(table.parent)
    rows = read_rows(table, _PATH_COLUMNS, files.look_like_one, "filename,label")
    return source_of_rows(TABLE_KIND, table, rows, files, want_labels=want_labels)


def source_of_rows(
    kind: str, table: Path, rows: Sequence[TableRow], files: Files, *, want_labels: bool | None
) -> FileSource:
    """The images of rows from a file `table` of any format.

    Rows are rejected for the same reasons as in `open_table`. Raises UserError for labels in an
    unknown encoding.
    """
    rejected: dict[int, str] = {}
    found: dict[int, str] = {}
    for row in rows:
        if want_labels is not False and row.label_problem == UNDECODABLE:
            raise UserError(f"{table}: line {row.line}: {UNDECODABLE.replace('write', 'save')}")
        name, reason = files.locate(row.key)
        if row.problem is not None:
            rejected[row.line] = row.problem
        elif name is None:
            rejected[row.line] = reason
        elif row.label_problem is not None and want_labels is not False:
            rejected[row.line] = row.label_problem
        else:
            found[row.line] = name
    labels = {row.line: row.label if want_labels is not False else "" for row in rows}
    rejected |= _repeated(labels, found)
    kept = [row for row in rows if row.line not in rejected]
    before = accumulate(row.line not in rejected for row in rows)
    respelled = sum(row.respelled for row in kept) if want_labels is not False else 0
    return FileSource(
        kind,
        table.parent,
        [found[row.line] for row in kept],
        None if want_labels is False else [row.label for row in kept],
        [
            Rejected(
                f"{table.name} line {row.line}: {shortened(row.key, _MOST_SHOWN)}",
                rejected[row.line],
                place,
            )
            for row, place in zip(rows, before, strict=True)
            if row.line in rejected
        ],
        [*form_note(respelled), *files.notes()],
        stored=files.stored,
    )


class Files:
    """Finds the files below `root` that a table names, also in another spelling.

    `stored` has the names found so far that lead into an archive or a database.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stores = Stores(root)
        self.stored: dict[str, tuple[Source, int]] = {}
        self._present: Spellings | None = None
        self._respelled = 0

    def notes(self) -> list[str]:
        if not self._respelled:
            return []
        return [
            f"{self._respelled:,} files have another spelling in the table (Unicode form, upper "
            "and lower case or backslashes)"
        ]

    def look_like_one(self, path: str) -> bool:
        """Whether `path` names an image: by its extension, or because the file exists."""
        return Path(path).suffix.lower() in SUFFIXES or self._as_written(path) is not None

    def locate(self, path: str) -> tuple[str | None, str]:
        """The file's path relative to the root, or None and the reason."""
        name = self._as_written(path)
        if name is None and "\\" in path and not _ON_WINDOWS.match(path):
            path = path.replace("\\", "/")
            name = self._as_written(path)
            self._respelled += name is not None
        if name is not None:
            return name, ""
        if _ON_WINDOWS.match(path) or Path(path).is_absolute() or _climbs(os.path.normpath(path)):
            return None, _OUTSIDE
        if not path:
            return None, _MISSING
        for base in ("", "images/"):
            # Not Path.exists, which raises if the path is too long.
            if os.path.lexists(f"{self._root}/{base}{path}"):
                return None, "not a regular file (a folder, a pipe, or a broken link)"
        name = self._otherwise(path)
        self._respelled += name is not None
        return name, _MISSING

    def _as_written(self, path: str) -> str | None:
        if Path(path).is_absolute():
            path = os.path.relpath(path, self._root)
        for base in ("", "images/"):
            # Lexical on purpose: the owner of the folder made the links in it; ".." may be an
            # attack.
            name = os.path.normpath(base + path)
            # Not Path.is_file, which raises if the path is too long.
            if not _climbs(name) and os.path.isfile(f"{self._root}/{name}"):  # noqa: PTH113
                return name.replace(os.sep, "/")
        return self._as_stored(os.path.normpath(path).replace(os.sep, "/"))

    def _as_stored(self, name: str) -> str | None:
        """`name` if it leads to an image in an archive or a database below the root."""
        found = None if _climbs(name) else self._stores.find(name)
        if found is None:
            return None
        self.stored[name] = found
        return name

    def _otherwise(self, path: str) -> str | None:
        if self._present is None:
            self._present = Spellings(find_images(self._root).names)
        name = os.path.normpath(path).replace(os.sep, "/")
        return self._present.find(name) or self._present.find(f"images/{name}")


def _climbs(path: str) -> bool:
    return f"{path}{os.sep}".startswith(f"{os.pardir}{os.sep}")


def _repeated(label_of: dict[int, str], files: dict[int, str]) -> dict[int, str]:
    """Lines to reject: repeats of a file, and all its lines if their labels differ."""
    lines_of: defaultdict[str, list[int]] = defaultdict(list)
    for line, name in files.items():
        lines_of[name].append(line)
    rejected: dict[int, str] = {}
    for lines in lines_of.values():
        labels = sorted({label_of[line] for line in lines})
        if len(labels) > 1:
            listed = ", ".join(quoted(label, 40) for label in labels[:_DIFFERENT_NAMED])
            more = len(labels) - _DIFFERENT_NAMED
            listed += f" and {more:,} more" * (more > 0)
            rejected |= dict.fromkeys(lines, f"the same file has different labels: {listed}")
        else:
            rejected |= dict.fromkeys(lines[1:], f"repeats line {lines[0]}")
    return rejected
