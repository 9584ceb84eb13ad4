"""The losses that compare two views, by CLI name, and their settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from torch import Tensor

from captcha_ssl.losses.contrastive import contrastive
from captcha_ssl.losses.infonce import infonce
from captcha_ssl.losses.n_pair import n_pair
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.losses.triplet import triplet


class PairLoss(Protocol):
    """A loss between row-aligned views `[N, D]`, perhaps with a queue `[K, D]` as negatives."""

    def __call__(self, a: Tensor, b: Tensor, *, negatives: Tensor | None = None) -> Tensor:
        """A scalar."""
        ...


LOSSES: dict[str, Callable[[LossSettings], PairLoss]] = {
    "infonce": lambda s: partial(infonce, temperature=s.temperature),
    "contrastive": lambda s: partial(contrastive, margin=2**0.5 if s.margin is None else s.margin),
    "triplet": lambda s: partial(
        triplet, margin=0.2 if s.margin is None else s.margin, mining=s.mining
    ),
    "n-pair": lambda s: partial(n_pair, l2=s.l2),
}
"""CLI name → the function that builds the loss from its settings."""

FREE_LENGTH = {"n-pair"}
"""Losses that depend on the length of the embeddings."""


def build_loss(settings: LossSettings) -> PairLoss:
    """The loss that `settings.loss` names."""
    return LOSSES[settings.loss](settings)
