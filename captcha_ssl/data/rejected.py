"""What was left out of a dataset, or left aside, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejected:
    """A row or file left out of a dataset: what it is, and why.

    `before` counts the images of the dataset that stand before it, where it has a place.
    """

    row: str
    reason: str
    before: int | None = None
