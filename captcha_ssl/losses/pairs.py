"""Which embeddings a loss compares: every anchor with its positive and with all its negatives."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def cosines(a: Tensor, b: Tensor, negatives: Tensor | None) -> tuple[Tensor, Tensor]:
    """Cosine of each of M anchors with its positive `[M]` and with its negatives `[M, K]`.

    `a` and `b` are `[N, D]`, row i of both from one instance. Without `negatives` every row of
    both views is an anchor (M = 2N, N ≥ 2), its positive is the other view of its instance, and
    the K = 2N − 2 rows of the other instances are its negatives. With `negatives` `[K, D]`, as
    MoCo's queue, the rows of `a` alone are anchors (M = N) and those are the negatives.
    """
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    positive = (a * b).sum(1)
    if negatives is not None:
        return positive, a @ F.normalize(negatives, dim=1).T
    z = torch.cat([a, b])
    return positive.repeat(2), (z @ z.T).gather(1, _other_instances(len(a), a.device))


def _other_instances(count: int, device: torch.device) -> Tensor:
    # In the stacked views, row i equals itself at i and its instance at i ± count.
    row, step = torch.arange(2 * count, device=device), torch.arange(1, count, device=device)
    return (row[:, None] + torch.cat([step, step + count])) % (2 * count)
