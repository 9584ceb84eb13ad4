"""Consistency of two views in fine-tuning: their frames must predict the same (CR-CTC).

Each view is the other's teacher in turn, which also keeps CTC from putting all of a character's
probability into one frame.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def consistency(logits: Tensor, lengths: Tensor) -> Tensor:
    """Divergence between the frames of two views, each in turn without gradient, a scalar.

    `logits` float `[2B, T, K]`, first all of one view and then all of the other, `lengths` int64
    `[2B]`. ½ Σ_t KL(sg(q_t) ‖ p_t) + ½ Σ_t KL(sg(p_t) ‖ q_t) of the frames' distributions p and q,
    where sg stops the gradient (Yao et al., ICLR 2025, arXiv 2410.05101, section 3.2), for each
    character, as the CTC loss counts; mean over the images. float32 inside.
    """
    found = logits.float().log_softmax(-1)
    one, other = found.detach().chunk(2)
    divergence = F.kl_div(found, torch.cat([other, one]), reduction="none", log_target=True)
    # The mean over both views is the sum of both directions, halved.
    return (divergence.sum((1, 2)) / lengths.clamp_min(1).to(logits.device)).mean()
