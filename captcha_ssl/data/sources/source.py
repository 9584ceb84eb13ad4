"""What every dataset convention offers to its readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Rejected:
    """A row or file left out of a dataset: what it is, and why."""

    row: str
    reason: str


class Source(Protocol):
    """Images that can be read one by one, from any thread."""

    @property
    def kind(self) -> str:
        """The convention, in words."""

    @property
    def names(self) -> Sequence[str]:
        """What each image is called in messages."""

    @property
    def labels(self) -> Sequence[str] | None:
        """The text of each image, or None for an unlabeled pile."""

    @property
    def rejected(self) -> list[Rejected]:
        """Rows that name no usable image or label."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
