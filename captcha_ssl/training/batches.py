"""Which images are in which step: a function of (seed, step), so that a resumed run agrees."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class BatchOrder:
    """Index batches drawn from one shuffled pass over the images after another.

    Step s takes places s·B … s·B + B − 1 of the endless chain of passes; pass e is shuffled by
    (seed, e) alone.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self._passes: dict[int, np.ndarray] = {}

    def __call__(self, step: int) -> Tensor:
        """Indices int64 `[batch_size]` of step `step`."""
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        numbers = places // self.count
        needed = range(int(numbers[0]), int(numbers[-1]) + 1)
        self._passes = {
            e: self._passes[e] if e in self._passes else self._shuffle(e) for e in needed
        }
        chosen = [self._passes[e][places[numbers == e] % self.count] for e in needed]
        return torch.from_numpy(np.concatenate(chosen).astype(np.int64))

    def _shuffle(self, number: int) -> np.ndarray:
        # Four bytes an image, and the same order as of eight: a pass is kept whole.
        places = np.arange(self.count, dtype=np.uint32)
        return np.random.default_rng((self.seed, number)).permutation(places)


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """The seed of torch's generator for one step: all its randomness depends on (seed, step).

    Ranks other than the first have views of their own.
    """
    drawn = np.random.SeedSequence((seed, step, rank) if rank else (seed, step))
    return int(drawn.generate_state(1, np.uint64)[0] >> 1)


def spread(count: int, most: int) -> Tensor:
    """Up to `most` indices int64, spread evenly over `count` images."""
    return torch.linspace(0, count - 1, min(count, most), dtype=torch.float64).long()
