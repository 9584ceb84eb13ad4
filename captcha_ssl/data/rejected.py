"""What was left out of a dataset, or left aside, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejected:
    """A row or file left out of a dataset: what it is, and why."""

    row: str
    reason: str
