"""The CTC loss in plain tensor operations, the same for all labels.

torch's own loss needs the lengths on the host, which waits for the GPU, so no CUDA graph can
contain it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_IMPOSSIBLE = -1e30
"""Logarithm of zero; finite, so that no gradient is NaN."""


def ctc_recursion(log_probabilities: Tensor, classes: Tensor, lengths: Tensor) -> Tensor:
    """Negative log-likelihood of each label, float32 `[B]`; 0 where no path spells it.

    `log_probabilities` float32 `[B, T, K]`, class 0 the blank; `classes` int64 `[B, L]`, `lengths`
    int64 `[B]` up to L. With the blanks around its characters a label is l' of 2L + 1 places, and

        α_t(s) = y_t(l'_s) (α_{t−1}(s) + α_{t−1}(s − 1) + [l'_s ∉ {blank, l'_{s−2}}] α_{t−1}(s − 2))

    (Graves et al. 2006, eqs. 6 and 7), in logarithms; four operations a frame.
    """
    batch, frames, _ = log_probabilities.shape
    spelled = F.pad(classes[:, :, None], (1, 0)).flatten(1)
    spelled = F.pad(spelled, (0, 1))
    places = spelled.shape[1]
    told = log_probabilities.gather(2, spelled[:, None].expand(-1, frames, -1))
    # Place s is reached from s − 2 (if allowed), s − 1, and s itself.
    two_before = F.pad(spelled, (2, 0))[:, :places]
    closed = (spelled == 0) | (spelled == two_before)
    gate = F.pad(closed[:, :, None] * _IMPOSSIBLE, (0, 2))
    start = torch.full((places,), _IMPOSSIBLE, device=told.device)
    start[:2] = 0
    paths = start + told[:, 0]
    for frame in range(1, frames):
        led = F.pad(paths, (2, 0), value=_IMPOSSIBLE).unfold(1, 3, 1)
        paths = (led + gate).logsumexp(2) + told[:, frame]
    # The last character, or the blank after it; an empty label has that alone.
    ends = torch.stack([2 * lengths, (2 * lengths - 1).clamp_min(0)], 1)
    empty = F.pad((lengths == 0)[:, None] * _IMPOSSIBLE, (1, 0))
    last = paths.gather(1, ends) + empty
    losses = -last.logsumexp(1)
    return torch.where(losses < -0.5 * _IMPOSSIBLE, losses, 0.0)
