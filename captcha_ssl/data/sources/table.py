"""Tables of image paths and labels: `filename,label` with a header, or PaddleOCR's
`path<TAB>label` without one."""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.data.image import SUFFIXES
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.source import Rejected
from captcha_ssl.errors import UserError

TABLES = ("labels.csv", "labels.tsv", "labels.txt")
SUFFIXES_OF_TABLES = frozenset((".csv", ".tsv", ".txt"))
_PATH_COLUMNS = ("filename", "name", "path", "file", "image")
_LABEL_COLUMNS = ("label", "text")


class _Tabs(csv.excel_tab):
    # Labels in tab-separated tables may hold a bare quotation mark.
    quoting = csv.QUOTE_NONE


@dataclass(frozen=True)
class _Row:
    line: int
    path: str
    label: str


def find_table(folder: Path) -> Path | None:
    """The table of labels that stands in `folder`, if any."""
    return next((folder / name for name in TABLES if (folder / name).is_file()), None)


def open_table(table: Path, *, want_labels: bool | None) -> FileSource:
    """The images a table lists, relative to its folder or to `images/` beside it.

    Rows whose file is missing or outside that folder, or that repeat an earlier row, are
    rejected; so are rows without a label unless `want_labels` is False.
    Raises UserError when the table cannot be understood.
    """
    rows = _read_rows(table)
    rejected: dict[int, str] = {}
    files: dict[int, str] = {}
    for row in rows:
        name = _locate(table.parent, row.path)
        if name is None:
            outside = Path(row.path).is_absolute() or _climbs(os.path.normpath(row.path))
            rejected[row.line] = "outside the dataset folder" if outside else "no such file"
        elif not row.label and want_labels is not False:
            rejected[row.line] = "empty label"
        else:
            files[row.line] = name
    rejected |= _repeated({row.line: row for row in rows}, files)
    kept = [row for row in rows if row.line not in rejected]
    return FileSource(
        "table of labels",
        table.parent,
        [files[row.line] for row in kept],
        None if want_labels is False else [row.label for row in kept],
        [
            Rejected(f"{table.name} line {row.line}: {row.path}", rejected[row.line])
            for row in rows
            if row.line in rejected
        ],
    )


def _read_rows(table: Path) -> list[_Row]:
    try:
        text = table.read_text(encoding="utf-8-sig")
        delimiter = _delimiter(text.partition("\n")[0])
        style = _Tabs if delimiter == "\t" else csv.excel
        reader = csv.reader(io.StringIO(text, newline=""), style, delimiter=delimiter)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{table}: not readable as a table in UTF-8 ({error})") from error
    if not lines:
        raise UserError(f"{table}: empty; expected the header filename,label and a row an image")
    columns = _columns(table, lines[0][1])
    if columns is None:
        columns = (0, 1)
    else:
        lines = lines[1:]
    path, label = columns
    return [_Row(line, _cell(cells, path), _cell(cells, label)) for line, cells in lines]


def _delimiter(header: str) -> str:
    return next((mark for mark in "\t,;" if mark in header), ",")


def _columns(table: Path, header: Sequence[str]) -> tuple[int, int] | None:
    """Where paths and labels stand, or None when the first row is data already."""
    names = [cell.lower() for cell in header]
    path = next((names.index(name) for name in _PATH_COLUMNS if name in names), None)
    label = next((names.index(name) for name in _LABEL_COLUMNS if name in names), None)
    if path is not None and label is not None:
        return path, label
    if len(header) == 2 and Path(header[0]).suffix.lower() in SUFFIXES:
        return None
    raise UserError(f"{table}: line 1: expected the header filename,label, found {header}")


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""


def _locate(root: Path, path: str) -> str | None:
    """The file's path relative to `root`, or None when it is not a file below it."""
    if Path(path).is_absolute():
        path = os.path.relpath(path, root)
    for base in ("", "images/"):
        # Lexical on purpose: a link inside the folder is its owner's wish, ".." is not.
        name = os.path.normpath(base + path)
        # Not Path.is_file, which raises for what is too long to be a path.
        if not _climbs(name) and os.path.isfile(f"{root}/{name}"):  # noqa: PTH113
            return name.replace(os.sep, "/")
    return None


def _climbs(path: str) -> bool:
    return f"{path}{os.sep}".startswith(f"{os.pardir}{os.sep}")


def _repeated(rows: dict[int, _Row], files: dict[int, str]) -> dict[int, str]:
    """Lines to reject: repeats of a file, and all of its lines when their labels disagree."""
    lines_of: defaultdict[str, list[int]] = defaultdict(list)
    for line, name in files.items():
        lines_of[name].append(line)
    rejected: dict[int, str] = {}
    for lines in lines_of.values():
        labels = sorted({rows[line].label for line in lines})
        if len(labels) > 1:
            listed = ", ".join(map(repr, labels))
            rejected |= dict.fromkeys(lines, f"the same file has different labels: {listed}")
        else:
            rejected |= dict.fromkeys(lines[1:], f"repeats line {lines[0]}")
    return rejected
