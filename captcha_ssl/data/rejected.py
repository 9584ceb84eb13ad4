"""Rejected or skipped parts of a dataset, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.errors import UserError
from captcha_ssl.printable import printable, shown
from captcha_ssl.spreadsheet import spreadsheet


@dataclass(frozen=True)
class Rejected:
    """A rejected row or file of a dataset, with the reason.

    `before` is the number of images before it, if it has a position.
    """

    row: str
    reason: str
    before: int | None = None


def write_rejected(path: Path, rejected: Sequence[Rejected]) -> None:
    """Write `row,reason` as CSV, atomically. Raises UserError if it cannot be written."""
    rows = ((printable(entry.row), printable(entry.reason)) for entry in rejected)
    try:
        atomic_write_text(path, spreadsheet(("row", "reason"), rows))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error


def refuse_if_too_many(
    path: Path, rejected: Sequence[Rejected], total: int, *, max_bad: float
) -> None:
    """Raise UserError if more than the fraction `max_bad` of the `total` rows are rejected."""
    if len(rejected) <= max_bad * total:
        return
    first = rejected[0]
    raise UserError(
        f"{path}: {len(rejected):,} of {total:,} rows cannot be used "
        f"({len(rejected) / total:.1%}, limit {max_bad:.1%}), "
        f"first {shown(first.row)}: {shown(first.reason)}"
    )
