"""SwAV: each view predicts the prototypes that the other view was assigned to."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.losses.precision import full_precision
from captcha_ssl.losses.sinkhorn import sinkhorn


@full_precision
def swav(
    a: Tensor, b: Tensor, temperature: float = 0.1, epsilon: float = 0.05, iterations: int = 3
) -> Tensor:
    """Cross-entropy of the codes of one view under the softmax of the other's scores.

    `a` and `b` are `[N, K]`, cosines of both views with K prototypes. With q the Sinkhorn codes,

        loss = −1/2N · Σ_i Σ_k ( q_b,ik · log softmax_k(a_i/τ) + q_a,ik · log softmax_k(b_i/τ) )

    (Caron et al. 2020, eq. 1 and 2, averaged over the two views). No gradient passes through q;
    float32 inside.
    """
    swapped = sinkhorn(b, epsilon, iterations) * (a / temperature).log_softmax(1) + sinkhorn(
        a, epsilon, iterations
    ) * (b / temperature).log_softmax(1)
    return -0.5 * swapped.sum(1).mean()
