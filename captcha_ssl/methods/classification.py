"""What the methods that guess a class have in common: the head, and the figures they report."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def classification_head(inputs: int, classes: int, hidden: int = 256) -> nn.Sequential:
    """Embeddings `[N, inputs]` → logits `[N, classes]` through one hidden layer."""
    return nn.Sequential(
        nn.Linear(inputs, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def classification_figures(
    logits: Tensor, target: Tensor, weight: Tensor | None = None
) -> dict[str, Tensor]:
    """`loss` (cross-entropy in float32, mean over targets) and `accuracy`.

    `logits` are `[N, K]` or `[N, K, …]`, `target` int64 `[N]` or `[N, …]`. With a class `weight`
    `[K]` the mean of the loss is the weighted one; the accuracy never is.
    """
    correct = logits.detach().argmax(1) == target
    loss = F.cross_entropy(logits.float(), target, weight)
    return {"loss": loss, "accuracy": correct.float().mean()}
