"""Chooses images to label next: far apart in the embedding, and read with low confidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from captcha_ssl.errors import UserError

_LEAST_UNSURE = 0.01
"""The weight of an image that is read with certainty: it may still differ from all others."""


@dataclass(frozen=True)
class Suggestion:
    """An image by index, its distance from the earlier suggestions, and its uncertainty.

    `distance` lies in 0…2 (None for the first of all); `uncertainty` in 0…1 (None without a
    recognizer).
    """

    index: int
    distance: float | None
    uncertainty: float | None


def suggest(
    vectors: Tensor,
    uncertainty: Tensor | None,
    count: int,
    *,
    labeled: Sequence[int] = (),
    seed: int = 0,
) -> list[Suggestion]:
    """`count` of the unit vectors `[N, D]`, none of them `labeled`, the most useful first.

    k-means++ (Arthur & Vassilvitskii 2007): each is drawn with a probability proportional to
    its squared distance from the nearest one drawn or `labeled` before, times its uncertainty.
    Drawing, not taking the farthest, keeps a few broken images from coming first; a longer list
    of the same seed begins with a shorter one. Memory is linear in N. Raises UserError when
    fewer than `count` are left.
    """
    left = len(vectors) - len(set(labeled))
    if count > left:
        raise UserError(f"{left:,} images are not labeled yet: cannot suggest {count:,} of them")
    return list(_draw(vectors, uncertainty, count, labeled, np.random.default_rng(seed)))


def _draw(
    vectors: Tensor,
    uncertainty: Tensor | None,
    count: int,
    labeled: Sequence[int],
    rng: np.random.Generator,
) -> Iterator[Suggestion]:
    weights = vectors.new_ones(len(vectors), dtype=torch.float64)
    if uncertainty is not None:
        weights = uncertainty.double().clamp_min(_LEAST_UNSURE)
    nearest = vectors.new_full((len(vectors),), torch.inf)
    free = torch.ones_like(nearest, dtype=torch.bool)
    for index in labeled:
        _take(index, vectors, nearest, free)
    for _ in range(count):
        known = bool(torch.isfinite(nearest[0]))
        # A constant keeps copies possible, for when nothing else is left.
        scores = weights * ((nearest.double() if known else torch.ones_like(weights)) + 1e-9)
        sums = torch.cumsum(scores * free, 0)
        # On the right: an image of weight 0 is never the first to pass the number drawn.
        drawn = torch.searchsorted(sums, rng.random() * sums[-1], right=True)
        index = int(drawn.clamp_max(int(free.nonzero()[-1])))
        yield Suggestion(
            index,
            float(nearest[index].sqrt()) if known else None,
            None if uncertainty is None else float(uncertainty[index]),
        )
        _take(index, vectors, nearest, free)


def _take(index: int, vectors: Tensor, nearest: Tensor, free: Tensor) -> None:
    """Update the squared distances to the nearest vector taken, in place."""
    free[index] = False
    squared = (2 - 2 * (vectors @ vectors[index])).clamp_min(0)
    torch.minimum(nearest, squared, out=nearest)
