"""Relational consistency: a part is similar to the wholes that its own whole is similar to."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.losses.precision import full_precision


@full_precision
def relational_consistency(parts: Tensor, wholes: Tensor, temperature: float = 0.04) -> Tensor:
    """How much parts and their wholes disagree about the similarity to other wholes.

    `parts` is `[N, D]`, `wholes` `[M, D]`, part i belonging to whole w(i) = i mod M; M ≥ 2. On the
    unit sphere, with the similarities to all wholes except their own

        q_i  = softmax over k ≠ w(i) of part_i·whole_k / τ
        p_i  = softmax over k ≠ w(i) of whole_w(i)·whole_k / τ
        loss = 1/N · Σ_i ½( KL(p_i ‖ q_i) + KL(q_i ‖ p_i) )

    (Zhang et al., RCLSTR 2023, with the temperature 0.04 of the authors' program; there the other
    wholes are a queue). No gradient reaches `wholes`. Mean over the parts; float32 inside.
    """
    parts, wholes = F.normalize(parts, dim=1), F.normalize(wholes.detach(), dim=1)
    own, others = _own_and_others(len(parts), len(wholes), parts.device)
    seen = (parts @ wholes.T / temperature).gather(1, others).log_softmax(1)
    wanted = (wholes @ wholes.T / temperature)[own].gather(1, others).log_softmax(1)
    return 0.5 * ((wanted.exp() - seen.exp()) * (wanted - seen)).sum(1).mean()


def _own_and_others(parts: int, wholes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The whole of every part, int64 `[N]`, and all the others, `[N, M − 1]`."""
    own = torch.arange(parts, device=device) % wholes
    return own, (own[:, None] + torch.arange(1, wholes, device=device)) % wholes
