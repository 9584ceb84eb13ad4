"""Tables for people: CSV that a spreadsheet shows as text and does not compute."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain

_FORMULA = frozenset("=+-@\t\r")


def spreadsheet(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """CSV text. A text that a spreadsheet would take for a formula gets an apostrophe before it.

    Such are texts that begin with `=`, `+`, `-` or `@` (OWASP, CSV injection). Numbers are left
    as they are, so pass them as numbers.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([as_text(cell) for cell in row] for row in chain((header,), rows))
    return text.getvalue()


def spreadsheet_row(cells: Sequence[object]) -> str:
    """One such row, without the end of its line."""
    return spreadsheet(cells, ()).removesuffix("\n")


def as_text(cell: object) -> object:
    """The cell, marked as text where a spreadsheet would compute it."""
    if not isinstance(cell, str) or not cell:
        return cell
    # Full-width forms begin a formula too where they are usual.
    first = unicodedata.normalize("NFKC", cell.lstrip(" ")[:1])
    return f"'{cell}" if first in _FORMULA and first else cell
