"""The interface of every dataset format."""

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
        """The format, in words."""

    @property
    def names(self) -> Sequence[str]:
        """The name of each image in messages."""

    @property
    def labels(self) -> Sequence[str] | None:
        """The text of each image, or None for unlabeled images."""

    @property
    def rejected(self) -> list[Rejected]:
        """Rows without a usable image or label."""

    @property
    def notes(self) -> Sequence[str]:
        """Notes for the user on how the dataset is read, one sentence each."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
