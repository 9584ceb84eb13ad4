"""Sinkhorn-Knopp: turns scores into soft assignments that use every prototype equally."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.losses.precision import full_precision


@full_precision
@torch.no_grad()
def sinkhorn(scores: Tensor, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Codes `[N, K]` from scores `[N, K]` of N embeddings against K prototypes; no gradient.

    exp(scores / ε), scaled in turn so that every prototype gets the same mass and every
    embedding gives mass 1 (Cuturi 2013; Caron et al., SwAV 2020, eq. 3 to 5). Rows sum to 1;
    columns to N/K in the limit of many iterations. Logarithms inside: no ε overflows.
    """
    log_codes = scores / epsilon
    for _ in range(iterations):
        log_codes = log_codes.log_softmax(0).log_softmax(1)
    return log_codes.exp()
