"""The head and the figures of all methods that predict a class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ssl.models.ranks import mean_of_ranks, world_size


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
    `[K]` the loss is a weighted mean over the targets of all ranks; the accuracy is never weighted.
    """
    correct = logits.detach().argmax(1) == target
    loss = F.cross_entropy(logits.float(), target, weight)
    if weight is not None and world_size() > 1:
        own = weight[target].sum()
        loss = loss * own / mean_of_ranks(own)
    return {"loss": loss, "accuracy": correct.float().mean()}
