"""The contrastive loss: equal pairs together, other pairs a margin apart."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.losses.pairs import cosines
from captcha_ssl.losses.precision import full_precision

_SMALLEST = 1e-6


@full_precision
def contrastive(
    a: Tensor, b: Tensor, margin: float = 2**0.5, *, negatives: Tensor | None = None
) -> Tensor:
    """Half the squared distance of equal pairs, half the squared shortfall of other pairs.

    With D the Euclidean distance on the unit sphere, for the pairs of `pairs.cosines`,

        loss = mean over similar pairs of ½D² + mean over dissimilar pairs of ½max(0, m − D)²

    (Hadsell, Chopra & LeCun 2006, eq. 4). `a`, `b` are `[N, D]`, `negatives` `[K, D]`; the two
    means give similar and dissimilar pairs the same weight, whatever their numbers. A margin of √2
    is the distance of orthogonal vectors; a smaller one leaves vectors closer and the embedding in
    few dimensions. float32 inside.
    """
    similar, dissimilar = (2 - 2 * cosine for cosine in cosines(a, b, negatives))
    # The square root has no gradient at zero.
    shortfall = (margin - dissimilar.clamp_min(_SMALLEST).sqrt()).clamp_min(0)
    return 0.5 * similar.mean() + 0.5 * shortfall.square().mean()
