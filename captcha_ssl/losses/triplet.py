"""The triplet loss, with the negative of each triplet mined in the batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from captcha_ssl.losses.pairs import cosines
from captcha_ssl.losses.precision import full_precision


def _random(positive: Tensor, negatives: Tensor) -> Tensor:
    rows, columns = negatives.shape
    chosen = torch.randint(columns, (rows, 1), device=negatives.device)
    return negatives.gather(1, chosen).squeeze(1)


def _semi_hard(positive: Tensor, negatives: Tensor) -> Tensor:
    farther = negatives.masked_fill(negatives <= positive[:, None], torch.inf).amin(1)
    return torch.where(farther.isinf(), negatives.amax(1), farther)


def _hard(positive: Tensor, negatives: Tensor) -> Tensor:
    return negatives.amin(1)


MINING: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "random": _random,
    "semi-hard": _semi_hard,
    "hard": _hard,
}
"""Squared distances to the positive `[M]` and to all negatives `[M, K]` → to the mined one."""


@full_precision
def triplet(
    a: Tensor,
    b: Tensor,
    margin: float = 0.2,
    mining: str = "semi-hard",
    *,
    negatives: Tensor | None = None,
) -> Tensor:
    """Every anchor must be closer to its positive than to a negative, by a margin.

    With d² the squared distance on the unit sphere, for the anchors and the negatives of
    `pairs.cosines`,

        loss = mean over anchors of max(0, d²(anchor, positive) − d²(anchor, negative) + margin)

    (Schroff et al., FaceNet 2015, eq. 3). `mining` takes one negative per anchor: `random`; `hard`,
    the nearest; `semi-hard`, the nearest of those farther than the positive, or the farthest of all
    if there is none. `a`, `b` are `[N, D]`, `negatives` `[K, D]`; float32 inside.
    """
    positive, others = (2 - 2 * cosine for cosine in cosines(a, b, negatives))
    negative = MINING[mining](positive, others)
    return (positive - negative + margin).clamp_min(0).mean()
