"""Sequences whose items are made when they are asked for: there may be many millions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

Item = TypeVar("Item", covariant=True)


class ByIndex(Sequence[Item], ABC):
    """A sequence that makes each item when it is asked for; a slice is a list."""

    @abstractmethod
    def _at(self, index: int) -> Item:
        """The item at an index from 0 to len(self) − 1."""

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...

    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        return self._at(range(len(self))[place])
