"""Two measurements of one thing, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Ratio:
    """A figure of ours and of the peer. `goal` is the least that `times` should be, if any."""

    what: str
    ours: float
    peer: float
    unit: str
    beside: str
    goal: float | None = None
    more_is_better: bool = True

    @property
    def times(self) -> float:
        """How many times better than the peer."""
        return self.ours / self.peer if self.more_is_better else self.peer / self.ours


def rates(
    ours: Callable[[int], object],
    peer: Callable[[int], object],
    counts: tuple[int, int],
    rounds: int = ROUNDS,
) -> tuple[float, float]:
    """The best units per second of `ours(counts[0])` and `peer(counts[1])`.

    They take turns, so that what else the machine does befalls both; a round before the first
    loads and fills what is loaded and filled once.
    """
    works = tuple(zip((ours, peer), counts, strict=True))
    seconds = [[_seconds(work, count) for work, count in works] for _ in range(1 + rounds)]
    best = [min(column) for column in zip(*seconds[1:], strict=True)]
    return counts[0] / best[0], counts[1] / best[1]


def in_batches(work: Callable[[], object], batch: int) -> Callable[[int], None]:
    """A work for `rates`, of one that does `batch` units whenever it is called."""

    def works(count: int) -> None:
        for _ in range(count // batch):
            work()

    return works


def _seconds(work: Callable[[int], object], count: int) -> float:
    begun = time.perf_counter()
    work(count)
    return time.perf_counter() - begun
