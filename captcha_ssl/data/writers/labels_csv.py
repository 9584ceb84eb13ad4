"""The `labels.csv` of a written dataset."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path


def write_labels(path: Path, key: str, rows: Iterable[tuple[str | int, str]]) -> None:
    """Write the header `key,label` and the rows, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow((key, "label"))
        table.writerows(rows)
