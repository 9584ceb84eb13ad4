"""Negative cosine between a prediction and a target without gradient."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.losses.precision import full_precision


@full_precision
def negative_cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """−1/N · Σ_i p_i·z_i / (‖p_i‖ ‖z_i‖) for `[N, D]` each; no gradient reaches `target`.

    SimSiam's D (Chen & He 2021, eq. 1); BYOL's ‖p̄ − z̄‖² is 2 + 2D (Grill et al. 2020, eq. 2).
    Mean over N, from −1 to 1; float32 inside.
    """
    return -F.cosine_similarity(prediction, target.detach(), dim=1).mean()
