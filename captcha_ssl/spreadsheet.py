"""CSV for spreadsheets: texts that look like formulas are not computed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_FORMULA = frozenset("=+-@\t\r")
_QUOTED = re.compile(r'[,"\r\n]')


def spreadsheet(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """CSV text. A text that a spreadsheet would read as a formula gets a leading apostrophe.

    These are texts that begin with `=`, `+`, `-` or `@` (OWASP, CSV injection). Numbers stay
    unchanged, so pass them as numbers.
    """
    return "".join(f"{spreadsheet_row(row)}\n" for row in (header, *rows))


def spreadsheet_row(cells: Sequence[object]) -> str:
    """One such row, without the end of its line."""
    return ",".join(map(_cell, cells))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    # Full-width forms begin a formula too where they are usual.
    first = unicodedata.normalize("NFKC", text.lstrip(" ")[:1])
    if isinstance(value, str) and first and first in _FORMULA:
        text = f"'{text}"
    # Not the module csv, which leaves a carriage return without quotes.
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
