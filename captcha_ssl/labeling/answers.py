"""The table of labels: every label is on disk before the next image appears."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from captcha_ssl.atomic import append_line, atomic_write_text, whole_lines
from captcha_ssl.errors import UserError

COLUMNS = ["filename", "label"]


class Answers:
    """The table `filename,label` at `path`, which every command can read.

    A new label is appended as one line and synced. Changing or removing a label rewrites the table
    atomically. `labels` maps names to labels in the order of the table; `unfinished` is the name
    and label of an incomplete last line after a kill or a full disk. It is removed from the table,
    and the user sees that image again. Raises UserError for another kind of table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.labels, self.unfinished = _read(path)
        if self.unfinished is not None:
            self._rewrite()

    def __len__(self) -> int:
        return len(self.labels)

    def put(self, name: str, label: str) -> None:
        """Set the label of an image. If it raises OSError, nothing has changed."""
        if self.labels.get(name) == label:
            return
        if name in self.labels:
            self._replace(self.labels | {name: label})
            return
        if not self.labels and not (self.path.exists() and self.path.stat().st_size):
            atomic_write_text(self.path, table_row(*COLUMNS) + "\n")
        _append(self.path, table_row(name, label))
        self.labels[name] = label

    def remove(self, name: str) -> None:
        """Remove the label of an image, if it has one. Raises OSError."""
        if name in self.labels:
            self._replace({other: label for other, label in self.labels.items() if other != name})

    def _replace(self, labels: dict[str, str]) -> None:
        before, self.labels = self.labels, labels
        try:
            self._rewrite()
        except OSError:
            self.labels = before
            raise

    def _rewrite(self) -> None:
        write_table(self.path, self.labels)


class NameList:
    """Names of images in a text file, one per line: unreadable images, or reviewed ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.names = dict.fromkeys(whole_lines(path))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: not a readable list of names ({error})") from error
        # An incomplete last line would merge with the next name.
        if path.exists() and not path.read_bytes().endswith(b"\n"):
            self._rewrite(self.names)

    def add(self, name: str) -> None:
        """Append a name durably, once. Raises OSError."""
        if name not in self.names:
            _append(self.path, name)
            self.names[name] = None

    def remove(self, name: str) -> None:
        """Remove a name, if it is there. Raises OSError."""
        if name in self.names:
            kept = {other: None for other in self.names if other != name}
            self._rewrite(kept)
            self.names = kept

    def _rewrite(self, names: Iterable[str]) -> None:
        atomic_write_text(self.path, "".join(f"{name}\n" for name in names))


def write_table(path: Path, labels: dict[str, str]) -> None:
    """Write the whole table atomically. Raises OSError."""
    rows: Iterable[tuple[str, str]] = labels.items()
    lines = [table_row(*COLUMNS), *(table_row(name, label) for name, label in rows)]
    atomic_write_text(path, "".join(f"{line}\n" for line in lines))


def storable(name: str) -> bool:
    """Whether every reader of tables gets this name back from a row."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name == name.strip() and name.isprintable()


def _append(path: Path, line: str) -> None:
    size = path.stat().st_size if path.exists() else 0
    try:
        append_line(path, line)
    except OSError:
        # A part of the line may be in the file, and the next line would merge with it.
        if path.exists():
            os.truncate(path, size)
        raise


def table_row(name: str, label: str) -> str:
    """A row of the table, without the end of its line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow((name, label))
    return text.getvalue()


def _read(path: Path) -> tuple[dict[str, str], tuple[str, str] | None]:
    if not path.exists():
        return {}, None
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: not readable as a table in UTF-8 ({error})") from error
    if rows and rows[0] != COLUMNS or any(len(row) != len(COLUMNS) for row in rows[:-1]):
        raise UserError(
            f"{path}: not a table with only the columns filename,label, separated by commas; save "
            "it so, or choose another --out"
        )
    unfinished = None
    if len(rows) > 1 and not text.endswith("\n"):
        name, label, *_ = [*rows.pop(), ""]
        unfinished = (name, label)
    return {row[0]: row[1] for row in rows[1:] if len(row) == len(COLUMNS) and row[1]}, unfinished
