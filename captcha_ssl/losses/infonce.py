"""InfoNCE over two views of a batch (NT-Xent)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def infonce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Temperature-scaled cross-entropy of each embedding against its other view.

    `a` and `b` are `[N, D]`, row i of both from one instance; N ≥ 2. For the 2N embeddings z on
    the unit sphere, with p(i) the other view of i,

        loss = −1/2N · Σ_i log( exp(z_i·z_p(i)/τ) / Σ_{k≠i} exp(z_i·z_k/τ) )

    (van den Oord et al. 2018; Chen et al., SimCLR 2020, eq. 1). Mean over 2N; float32 inside:
    bfloat16 near cosine 1 rounds by 0.002, which is 0.03 in a logit at τ = 0.07.
    """
    with torch.autocast(a.device.type, enabled=False):
        z = F.normalize(torch.cat([a, b]).float(), dim=1)
        logits = z @ z.T / temperature
        logits = logits.masked_fill(
            torch.eye(len(z), dtype=torch.bool, device=z.device), -torch.inf
        )
        target = torch.arange(len(z), device=z.device).roll(len(a))
        return F.cross_entropy(logits, target)
