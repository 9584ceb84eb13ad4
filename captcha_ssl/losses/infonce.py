"""InfoNCE over two views of a batch (NT-Xent), or against a queue (MoCo)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.losses.pairs import cosines
from captcha_ssl.losses.precision import full_precision
from captcha_ssl.losses.tiles import mean_log_sum, tile_side

_SMALLEST = 1e-12


@full_precision
def infonce(a: Tensor, b: Tensor, temperature: float, *, negatives: Tensor | None = None) -> Tensor:
    """Temperature-scaled cross-entropy of each embedding against its other view.

    `a` and `b` are `[N, D]`, row i of both from one instance; N ≥ 2. For the 2N embeddings z on
    the unit sphere, with p(i) the other view of i,

        loss = −1/2N · Σ_i log( exp(z_i·z_p(i)/τ) / Σ_{k≠i} exp(z_i·z_k/τ) )

    (van den Oord et al. 2018; Chen et al., SimCLR 2020, eq. 1). With `negatives` n `[K, D]`,

        loss = −1/N · Σ_i log( exp(a_i·b_i/τ) / (exp(a_i·b_i/τ) + Σ_k exp(a_i·n_k/τ)) )

    (He et al., MoCo 2020, eq. 1). Mean over the anchors; float32 inside.
    """
    if negatives is not None:
        positive, negative = cosines(a, b, negatives)
        logits = torch.cat([positive[:, None], negative], 1) / temperature
        return F.cross_entropy(logits, torch.zeros(len(a), dtype=torch.long, device=a.device))
    rows = torch.cat([a, b])
    # As F.normalize, in three operations fewer: it clamps the length instead.
    z = rows / (torch.linalg.vector_norm(rows, dim=1, keepdim=True) + _SMALLEST)
    one, other = z.view(2, -1).unbind()
    all_pairs = mean_log_sum(z, temperature, tile_side(z.device))
    return torch.sub(all_pairs, torch.dot(one, other), alpha=1 / (len(a) * temperature))
