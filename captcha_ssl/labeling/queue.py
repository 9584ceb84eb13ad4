"""The order in which images are labeled; a skipped image moves to the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


class Queue:
    """Indices of images, each with its position."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._place = {index: place for place, index in enumerate(self._order)}

    def __contains__(self, index: int) -> bool:
        return index in self._place

    def __iter__(self) -> Iterator[int]:
        return iter(self._place)

    def place(self, index: int | None) -> int:
        """The position of an image; that behind the last one for None."""
        return len(self._order) if index is None else self._place[index]

    def onward(self, place: int) -> Iterator[int]:
        """The images from a position on; of a skipped image only its last position counts."""
        for here in range(place, len(self._order)):
            if self._place[self._order[here]] == here:
                yield self._order[here]

    def backward(self, place: int) -> Iterator[int]:
        """The images before a position, the nearest first."""
        for here in range(place - 1, -1, -1):
            if self._place[self._order[here]] == here:
                yield self._order[here]

    def skip(self, index: int) -> None:
        """Move an image to the end."""
        self._place[index] = len(self._order)
        self._order.append(index)

    def put_back(self, index: int, place: int) -> None:
        """Undo a skip: the image has its old position again."""
        self._place[index] = place
