"""The table of a style that no run is trained on: does the gain hold there too?"""

from __future__ import annotations

from collections.abc import Sequence

from captcha_ssl.benchmark.report.statistics import Estimate
from captcha_ssl.benchmark.report.summary import Entry
from captcha_ssl.benchmark.report.table import percent, points

UNSEEN_COLUMNS = ("labels", "arm", "exact match", "gain", "over")


def unseen_table(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """The texts under UNSEEN_COLUMNS of the arms that have read such images."""
    return [_cells(entry, entry.unseen) for entry in entries if entry.unseen]


def _cells(entry: Entry, unseen: Estimate) -> tuple[str, ...]:
    gain = "–" if entry.unseen_gain is None else points(entry.unseen_gain)
    return f"{entry.labels:,}", entry.arm, percent(unseen), gain, entry.baseline or "–"
