"""What every dataset convention offers to its readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from captcha_ssl.data.rejected import Rejected

__all__ = ["Rejected", "Source"]


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

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of how the dataset was read, in a sentence each."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
