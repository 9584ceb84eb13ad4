"""The multi-class N-pair loss: cross-entropy on inner products of unnormalized vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.losses.precision import full_precision


@full_precision
def n_pair(a: Tensor, b: Tensor, l2: float = 0.002, *, negatives: Tensor | None = None) -> Tensor:
    """Cross-entropy of each anchor's inner products, its positive being the target.

    `a` (anchors) and `b` (positives) are `[N, D]`, row i of both from one instance, and are not
    normalized:

        loss = −1/N · Σ_i log( exp(a_i·b_i) / Σ_j exp(a_i·b_j) ) + λ/4 · 1/N · Σ_i (‖a_i‖² + ‖b_i‖²)

    (Sohn 2016, eq. 6 and §3.2.2, with λ = `l2`). With `negatives` n `[K, D]` the sum over j is
    exp(a_i·b_i) + Σ_k exp(a_i·n_k). Mean over the anchors; float32 inside.
    """
    rows = torch.arange(len(a), device=a.device)
    logits, target = a @ b.T, rows
    if negatives is not None:
        logits = torch.cat([(a * b).sum(1, keepdim=True), a @ negatives.T], 1)
        target = torch.zeros_like(rows)
    lengths = a.square().sum(1).mean() + b.square().sum(1).mean()
    return F.cross_entropy(logits, target) + 0.25 * l2 * lengths
