"""The images of each step: a function of (seed, step), so that a resumed run is the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

HELD = 2**22
"""Up to this many images, the order of a pass is held in memory (16 MB)."""
_ROUNDS = 8


Order = Callable[[int], Tensor]
"""From a step to the indices int64 `[B]` of its batch."""


class BatchOrder:
    """Index batches drawn from one shuffled pass over the images after another.

    Step s takes places s·B … s·B + B − 1 of the endless chain of passes; pass e is shuffled by
    (seed, e) alone. Piles of more than `HELD` images are shuffled without any memory.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self._passes: dict[int, Pass] = {}

    def __call__(self, step: int) -> Tensor:
        """Indices int64 `[batch_size]` of step `step`."""
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        numbers = places // self.count
        needed = range(int(numbers[0]), int(numbers[-1]) + 1)
        self._passes = {
            e: self._passes[e] if e in self._passes else self._shuffle(e) for e in needed
        }
        chosen = [self._passes[e](places[numbers == e] % self.count) for e in needed]
        return torch.from_numpy(np.concatenate(chosen).astype(np.int64))

    def _shuffle(self, number: int) -> Pass:
        generator = np.random.default_rng((self.seed, number))
        if self.count > HELD:
            return Permutation(self.count, generator)
        # int32 halves the memory, and the order is the same as with int64.
        places = np.arange(self.count, dtype=np.uint32)
        return generator.permutation(places).__getitem__


def order_of_batches(order: int | Order, batch_size: int, seed: int) -> Order:
    """`order` itself, or for a number the shuffled passes over that many images."""
    return BatchOrder(order, batch_size, seed) if isinstance(order, int) else order


Pass = Callable[[np.ndarray], np.ndarray]
"""From places int64 in a pass to indices of images."""


class Permutation:
    """A pseudo-random permutation of 0 … count − 1 that is computed place by place.

    A Feistel network over numbers of an even count of bits (Luby and Rackoff, How to construct
    pseudorandom permutations, 1988), applied again to results outside the range (cycle walking;
    Black and Rogaway, Ciphers with arbitrary finite domains, 2002), fewer than four times on
    average. Each round mixes with the finalizer of SplitMix64 (Steele, Lea and Flood, Fast
    splittable pseudorandom number generators, 2014).
    """

    def __init__(self, count: int, generator: np.random.Generator) -> None:
        self.count = count
        self._half = np.uint64(max(1, -(-(count - 1).bit_length() // 2)))
        self._mask = (np.uint64(1) << self._half) - np.uint64(1)
        self._keys = generator.integers(0, 2**64, _ROUNDS, np.uint64)

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Distinct places int64 `[n]` below `count` → distinct indices int64 `[n]` below it."""
        found = self._encrypt(places.astype(np.uint64))
        while (outside := found >= np.uint64(self.count)).any():
            found[outside] = self._encrypt(found[outside])
        return found.astype(np.int64)

    def _encrypt(self, numbers: np.ndarray) -> np.ndarray:
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mixed(right + key) & self._mask)
        joined: np.ndarray = left << self._half | right
        return joined


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """SplitMix64's finalizer of uint64; multiplications wrap around."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(31))


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """The seed of torch's generator for one step: all its randomness depends on (seed, step).

    Every rank has its own views.
    """
    drawn = np.random.SeedSequence((seed, step, rank) if rank else (seed, step))
    return int(drawn.generate_state(1, np.uint64)[0] >> 1)


def spread_indices(count: int, most: int) -> Tensor:
    """Up to `most` indices int64, spread evenly over `count` images."""
    return torch.linspace(0, count - 1, min(count, most), dtype=torch.float64).long()
