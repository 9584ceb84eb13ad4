"""The rows of a table of labels, from any program; ambiguous rows are rejected.

Lines are parsed one by one, so that an unclosed quotation mark affects only its own row.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from captcha_ssl.data.label_text import BROKEN, is_respelled, read_label
from captcha_ssl.errors import UserError
from captcha_ssl.printable import quoted
from captcha_ssl.text_file import iter_lines

LABEL_COLUMNS = ("label", "text")
_DELIMITERS = "\t,;"
_NAMES = {"\t": "tab", ",": "comma", ";": "semicolon"}
_MOST_LINE = 1 << 17
"""Characters of a line."""
_MOST_LINES = 20
"""Most lines of one row, if a cell that is not the label has line breaks."""
_OPEN = "quotation marks do not match; close them, and write one that is part of a label twice"
_LONG = f"longer than {_MOST_LINE:,} characters"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One image in line `line`: its key (a path or an index) and its label.

    `problem` is the reason why the row is rejected, `label_problem` why its label is unusable.
    """

    line: int
    key: str
    label: str
    problem: str | None = None
    label_problem: str | None = None
    respelled: bool = False


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    key: int
    label: int
    width: int
    """Number of cells in a row; further cells, in columns without a name, must be empty."""
    allowed: int
    headed: bool


def read_rows(
    table: Path, keys: Sequence[str], looks_like_key: Callable[[str], bool], example: str
) -> list[TableRow]:
    """The rows of `table` in order, without rows of empty cells.

    The header names the key's column by one of `keys`; without a header a row is a key, which
    `looks_like_key`, and a label. Raises UserError if the table cannot be read, is empty, or has
    neither form; the message shows the header `example`.
    """
    lines = _Lines(table)
    first = next((line for line in lines if line.strip() and not _names_delimiter(line)), None)
    if first is None:
        raise UserError(f"{table}: empty; expected the header {example} and one row per image")
    layout = _layout(table, lines.number, first, keys, looks_like_key, example)
    if not layout.headed:
        lines.push_back(first)
    return list(_rows(lines, layout, looks_like_key))


def _names_delimiter(line: str) -> bool:
    """Whether it is a line such as `sep=;`, which tells a spreadsheet the separator."""
    return re.fullmatch(r"\s*\"?sep=.\"?\s*", line, re.IGNORECASE) is not None


class _Lines(Iterator[str]):
    """Lines of a file with their numbers, and a way to peek at the next ones."""

    def __init__(self, file: Path) -> None:
        self.number = 0
        self._lines = iter_lines(file)
        self._ahead: deque[str] = deque()

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self.number += 1
        return line

    def push_back(self, line: str) -> None:
        self._ahead.appendleft(line)
        self.number -= 1

    def ahead(self, count: int) -> list[str]:
        """Up to `count` of the next lines, without consuming them."""
        while len(self._ahead) < count:
            line = next(self._lines, None)
            if line is None:
                break
            self._ahead.append(line)
        return list(self._ahead)[:count]


def _layout(
    table: Path,
    number: int,
    first: str,
    keys: Sequence[str],
    looks_like_key: Callable[[str], bool],
    example: str,
) -> _Layout:
    """The layout of the rows, detected from the first. Raises UserError."""
    for delimiter in _DELIMITERS:
        cells = _split(first, delimiter) or []
        names = [cell.lower() for cell in cells]
        key, label = _columns(names, keys)
        if key is not None and label is not None:
            for name in (key, label):
                if names.count(name) > 1:
                    raise UserError(f"{table}: line {number}: two columns are called {name}")
            width = max(place for place, name in enumerate(names, 1) if name)
            return _Layout(
                delimiter, names.index(key), names.index(label), width, len(names), headed=True
            )
    for delimiter in _DELIMITERS:
        cells = _split(first, delimiter) or first.split(delimiter)
        if len(cells) > 1 and looks_like_key(cells[0]):
            return _Layout(delimiter, 0, 1, 2, 2, headed=False)
    missing = _missing_column(first, keys)
    raise UserError(
        f"{table}: line {number}: expected the header {example}, found {quoted(first.strip())}"
        f"{missing}"
    )


def _columns(names: Sequence[str], keys: Sequence[str]) -> tuple[str | None, str | None]:
    """The names of the columns of the keys and of the labels; None for one that is not there."""
    key, label = (
        next((name for name in wanted if name in names), None) for wanted in (keys, LABEL_COLUMNS)
    )
    return key, label


def _missing_column(header: str, keys: Sequence[str]) -> str:
    """What to do about a header that has one of the two columns; empty where it has neither."""
    for delimiter in _DELIMITERS:
        names = [cell.lower() for cell in _split(header, delimiter) or []]
        if len(names) < 2:
            continue
        key, label = _columns(names, keys)
        if key is not None:
            return f"; call the column of the texts {' or '.join(LABEL_COLUMNS)}"
        if label is not None:
            return f"; call the other column {' or '.join(keys)}"
    return ""


def _rows(
    lines: _Lines, layout: _Layout, looks_like_key: Callable[[str], bool]
) -> Iterator[TableRow]:
    for line in lines:
        number = lines.number
        cells = _split(line, layout.delimiter)
        if len(line) <= _MOST_LINE and (cells is None or _may_go_on(cells, layout)):
            cells = _over_several_lines(line, lines, layout, looks_like_key) or cells
        if cells is None:
            problem = _LONG if len(line) > _MOST_LINE else _OPEN
            begun = line[:_MOST_LINE].split(layout.delimiter, layout.key + 1)
            yield TableRow(number, _cell(begun, layout.key).strip(' "'), "", problem)
        elif any(cells):
            yield _row(number, cells, layout)


def _row(number: int, cells: Sequence[str], layout: _Layout) -> TableRow:
    key, written = _cell(cells, layout.key), _cell(cells, layout.label)
    label, label_problem = read_label(written)
    problem = None
    if len(cells) > layout.allowed or any(cells[layout.width :]):
        mark = _NAMES[layout.delimiter]
        remedy = (
            "a label cannot have a tab"
            if layout.delimiter == "\t"
            else f"put a label with a {mark} in quotation marks"
        )
        problem = f"{len(cells)} cells where {layout.width} are expected; {remedy}"
    elif "\n" in written:
        # Also a line break at its end: the quotation mark may close what an earlier line opened.
        label_problem = BROKEN
    elif len(key.splitlines()) > 1:
        problem = BROKEN.replace("label", "name")
    return TableRow(number, key, label, problem, label_problem, is_respelled(written))


def _split(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line, or None if it is too long or has an open quotation mark."""
    if len(line) > _MOST_LINE:
        return None
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    if delimiter == "\t":
        return _split_at_tabs(line)
    return _parsed(line, delimiter)


def _parsed(text: str, delimiter: str) -> list[str] | None:
    """The cells of a row that may have quoted cells; None for a misplaced quotation mark."""
    cell, cells, place = _cell_pattern(delimiter), [], 0
    while True:
        found = cell.match(text, place)
        if found is None:
            return None
        quoted_text, plain, end = found.groups()
        cells.append(
            (plain if quoted_text is None else quoted_text.replace('""', '"')).strip(" \t")
        )
        if not end:
            return cells
        place = found.end()


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    in_quotes, plain = r'[ \t]*"([^"]*(?:""[^"]*)*)"[ \t]*', rf'([^"{delimiter}\n]*)'
    return re.compile(rf"(?:{in_quotes}|{plain})({delimiter}|\Z)")


def _split_at_tabs(line: str) -> list[str]:
    """Cells in which a quotation mark is an ordinary character, as in PaddleOCR's lists.

    Only a row that another program quoted, completely or where necessary, is read as quoted.
    """
    cells = [cell.strip() for cell in line.split("\t")]
    unquoted = [_unquoted(cell) for cell in cells]
    everything = unquoted[0] is not None
    return [
        inner if inner is not None and (everything or '"' in inner) else cell
        for cell, inner in zip(cells, unquoted, strict=True)
    ]


def _unquoted(cell: str) -> str | None:
    """The text between the quotation marks of a cell, or None if it has none."""
    if len(cell) < 2 or not (cell.startswith('"') and cell.endswith('"')):
        return None
    inner = cell[1:-1]
    return inner.replace('""', '"') if '"' not in inner.replace('""', "") else None


def _may_go_on(cells: Sequence[str], layout: _Layout) -> bool:
    """Whether a cell of a row with tabs may have quotes that end on another line."""
    opened = any(cell.startswith('"') for cell in cells)
    return layout.delimiter == "\t" and opened and sum(cell.count('"') for cell in cells) % 2 == 1


def _over_several_lines(
    line: str, lines: _Lines, layout: _Layout, looks_like_key: Callable[[str], bool]
) -> list[str] | None:
    """The cells of a row with line breaks in quotes; its other lines are consumed too.

    None if the quotation mark stays open, or if it would swallow a complete row.
    """
    begun = line.split(layout.delimiter)
    is_row = looks_like_key(_cell(begun, layout.key).strip(' "'))
    taken = [line]
    for following in lines.ahead(_MOST_LINES):
        own = _split(following, layout.delimiter) or following.split(layout.delimiter)
        if is_row and len(own) > 1 and looks_like_key(_cell(own, layout.key).strip(' "')):
            return None
        taken.append(following)
        if '"' in following:
            cells = _parsed("\n".join(taken), layout.delimiter)
            if cells is not None and (is_row or looks_like_key(_cell(cells, layout.key))):
                for _ in taken[1:]:
                    next(lines)
                return cells
    return None


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""
