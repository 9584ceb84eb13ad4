"""Images that are decoded when they are used: for a pile larger than the memory.

A pile consists of pieces: a tar shard is one, because it is read from its beginning, and anything
else is cut into pieces of 1,024 images. A pass visits all pieces in a shuffled order and reads each
from its first image to its last, as disks and networks like it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.mapped import advise, pick
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.joined import JoinedSource
from captcha_ssl.data.sources.source import Source
from captcha_ssl.data.sources.tar_shard import TarShard
from captcha_ssl.data.sweep import sweep
from captcha_ssl.errors import UserError
from captcha_ssl.printable import shown

PIECE = 1024
FEW = 100_000
"""Up to this many images, the headers of all shards are read for a sample, in about two seconds."""
_LISTED = 10_000
"""Unreadable images that are remembered by name."""


class StreamedImages:
    """uint8 [N, C, H, W], decoded when they are asked for; none of them is kept.

    With `mapped` (the same images in packed files) nothing needs to be decoded. Where an image
    cannot be read, its neighbor stands in; more than the fraction `max_bad` of them is an error.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        geometry: Geometry,
        *,
        mapped: ImageArray | None = None,
        max_bad: float = 0.01,
    ) -> None:
        self.name, self.source, self.geometry, self.max_bad = name, source, geometry, max_bad
        self.mapped = mapped
        self.shape = (len(source), geometry.channels, geometry.height, geometry.width)
        self.failed: list[Rejected] = []
        """The first ten thousand images that could not be read."""
        self.bad = self.seen = 0
        self._firsts = _pieces(source)

    @property
    def nbytes(self) -> int:
        """Bytes of all images, as an array of them would take."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: int | slice | np.ndarray) -> np.ndarray:
        """The rows that are named. Raises IndexError, and UserError like `decoded`."""
        if isinstance(chosen, slice):
            chosen = np.arange(*chosen.indices(len(self)))
        rows = np.asarray(chosen, np.int64)
        if ((rows < -len(self)) | (rows >= len(self))).any():
            raise IndexError(f"out of range for {len(self):,} images")
        rows = np.where(rows < 0, rows + len(self), rows)
        found = self.decoded(rows.ravel())
        return found.reshape(*rows.shape, *self.shape[1:])

    def near(self, places: np.ndarray) -> np.ndarray:
        """Images at about these int64 places, of every tar shard the first ones.

        An image far inside of a shard takes all headers before it.
        """
        if self.mapped is not None:
            return pick(self.mapped, places)
        return self[np.asarray(quick_indices(self.source, places.tolist()), np.int64)]

    def order(self, generator: np.random.Generator) -> PassOrder:
        """A shuffled order of the pieces."""
        return PassOrder(self._firsts, generator)

    def decoded(
        self, indices: np.ndarray, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """The images at int64 `indices` [n] → uint8 [n, C, H, W].

        Raises UserError when too many images cannot be read, and what `progress` raises: it is
        called now and then.
        """
        if self.mapped is not None:
            advise(self.mapped, "MADV_SEQUENTIAL")
            rows = np.asarray(self.mapped[indices])
            # Pages that were read stay in the system's cache, but no longer count for this process.
            advise(self.mapped, "MADV_DONTNEED")
            advise(self.mapped, "MADV_RANDOM")
            return rows
        rows = np.empty((len(indices), *self.shape[1:]), np.uint8)
        distinct, firsts, again = np.unique(indices, return_index=True, return_inverse=True)
        at = dict(zip(distinct.tolist(), firsts.tolist(), strict=True))

        def fit(index: int, image: np.ndarray) -> None:
            rows[at[index]] = self.geometry.fit(image)

        failures = sweep(self.source, fit, progress, indices[np.sort(firsts)])
        self._count(len(distinct), failures)
        for row in sorted(at[index] for index in failures):
            near = next(r for r in _outwards(row, len(rows)) if indices[r] not in failures)
            rows[row] = rows[at[int(indices[near])]]
        return rows if len(distinct) == len(rows) else rows[firsts[again]]

    def _count(self, read: int, failures: dict[int, str]) -> None:
        self.seen += read
        self.bad += len(failures)
        for index in sorted(failures)[: _LISTED - len(self.failed)]:
            self.failed.append(Rejected(self.source.names[index], failures[index]))
        # A single bad one among the first few does not make a bad pile.
        if failures and (
            len(failures) == read or self.bad > self.max_bad * max(self.seen, min(1000, len(self)))
        ):
            first = self.failed[0]
            raise UserError(
                f"{self.name}: {self.bad:,} of the first {self.seen:,} images cannot be read "
                f"(limit {self.max_bad:.1%}), first {shown(first.row)}: {shown(first.reason)}"
            )


class PassOrder:
    """The images in the order in which one pass reads them."""

    def __init__(self, firsts: np.ndarray, generator: np.random.Generator) -> None:
        """`firsts` are the first images of the pieces int64 `[P + 1]`, and the number of all."""
        order = generator.permutation(len(firsts) - 1)
        self._firsts, self._sizes = firsts[order], np.diff(firsts)[order]
        self._ends = np.cumsum(self._sizes)

    def __call__(self, first: int, end: int) -> np.ndarray:
        """The images int64 `[end - first]` at these places of the pass."""
        return np.concatenate([np.empty(0, np.int64), *self._runs(first, end)])

    def _runs(self, first: int, end: int) -> Iterator[np.ndarray]:
        number = int(np.searchsorted(self._ends, first, side="right"))
        while first < end:
            stop = min(end, int(self._ends[number]))
            shift = int(self._firsts[number]) - (int(self._ends[number]) - int(self._sizes[number]))
            yield np.arange(first + shift, stop + shift)
            first, number = stop, number + 1


def _outwards(row: int, count: int) -> Iterator[int]:
    """The rows around `row` below `count`, the nearest first."""
    for apart in range(1, count):
        yield from (r for r in (row - apart, row + apart) if 0 <= r < count)


def quick_indices(source: Source, places: list[int]) -> list[int]:
    """Images at about these sorted places that are quick to find, as many of them.

    Of the tar shards of a large pile, these are the first ones.
    """
    found: list[int] = []
    asked = np.asarray(places, np.int64)
    for first, part in _parts(source, 0):
        here = asked[(asked >= first) & (asked < first + len(part))].tolist()
        if isinstance(part, TarShard) and len(source) > FEW:
            here = [first + number for number in range(min(len(here), len(part)))]
        found += here
    return found


def _parts(source: Source, first: int) -> Iterator[tuple[int, Source]]:
    """The datasets that a source consists of, and the place of the first image of each."""
    if not isinstance(source, JoinedSource):
        yield first, source
        return
    for part in source.parts:
        yield from _parts(part, first)
        first += len(part)


def _pieces(source: Source) -> np.ndarray:
    """The first image of each piece, int64, and the number of all images."""
    firsts = [
        np.array([first]) if isinstance(part, TarShard) else np.arange(0, len(part), PIECE) + first
        for first, part in _parts(source, 0)
        if len(part)
    ]
    return np.concatenate([*firsts, np.array([len(source)])]).astype(np.int64)
