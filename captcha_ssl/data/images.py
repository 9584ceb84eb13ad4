"""Pixels of a dataset that behave like one array, whatever files they are mapped from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

import numpy as np


class ImageArray(Protocol):
    """uint8 [N, C, H, W]: a NumPy array, or what reads like one; parts of it are arrays."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def nbytes(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Any:
        """The rows that an int, a slice or an array of integers names, as an array."""


@runtime_checkable
class Approximate(Protocol):
    """Images of which a sample is quicker to find near the places that are asked for."""

    def near(self, places: np.ndarray) -> np.ndarray:
        """As many images as int64 `places` [n], uint8 [n, C, H, W]."""
        ...


class JoinedImages:
    """Arrays uint8 [N_i, C, H, W] one after another, each left where it is mapped.

    What is asked for is a copy; of a slice within one part, a view. Raises ValueError for arrays of
    different kinds.
    """

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        kinds = {(part.dtype, part.shape[1:]) for part in parts}
        if len(kinds) != 1:
            raise ValueError(f"arrays of {len(kinds)} kinds cannot be joined")
        self.parts = parts
        self._ends = list(accumulate(map(len, parts)))
        self._starts = np.array([0, *self._ends[:-1]], np.int64)
        self.dtype = parts[0].dtype
        self.shape: tuple[int, ...] = (self._ends[-1], *parts[0].shape[1:])

    @property
    def nbytes(self) -> int:
        """Bytes of all parts, as an array of them would take."""
        return sum(part.nbytes for part in self.parts)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        for part in self.parts:
            yield from part

    def __getitem__(self, chosen: int | slice | np.ndarray | Sequence[int]) -> np.ndarray:
        if isinstance(chosen, slice):
            first, end, step = chosen.indices(len(self))
            number = bisect_right(self._ends, first)
            start = int(self._starts[number]) if first < len(self) else 0
            if step > 0 and first < end <= start + len(self.parts[number]):
                return self.parts[number][first - start : end - start : step]
            chosen = np.arange(first, end, step)
        indices = np.asarray(chosen)
        if indices.ndim == 0:
            return self._rows(indices[None].astype(np.int64))[0]
        if indices.dtype == np.bool_:
            indices = np.flatnonzero(indices)
        return self._rows(indices.astype(np.int64))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All images in memory, for code that needs an array."""
        return self[np.arange(len(self))].astype(dtype or self.dtype, copy=False)

    def _rows(self, indices: np.ndarray) -> np.ndarray:
        """A copy of the rows at int64 `[…]`, negative ones counted from the end."""
        outside = (indices < -len(self)) | (indices >= len(self))
        if outside.any():
            raise IndexError(f"{indices[outside][0]} is out of range for {len(self):,} images")
        flat = np.where(indices < 0, indices + len(self), indices).ravel()
        numbers = np.searchsorted(self._ends, flat, side="right")
        rows = np.empty((len(flat), *self.shape[1:]), self.dtype)
        for number in np.unique(numbers).tolist():
            here = numbers == number
            rows[here] = self.parts[number][flat[here] - self._starts[number]]
        return rows.reshape(*indices.shape, *self.shape[1:])


def joined_images(arrays: Sequence[ImageArray]) -> JoinedImages:
    """One array after another, as `JoinedImages`; those that are joined already lose that level."""
    parts: list[np.ndarray] = []
    for array in arrays:
        parts += array.parts if isinstance(array, JoinedImages) else [np.asanyarray(array)]
    return JoinedImages(parts)
