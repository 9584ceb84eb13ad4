"""Rejected or skipped parts of a dataset, with the reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejected:
    """A rejected row or file of a dataset, with the reason.

    `before` is the number of images before it, if it has a position.
    """

    row: str
    reason: str
    before: int | None = None
