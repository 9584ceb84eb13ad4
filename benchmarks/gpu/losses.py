"""Every loss on fixed embeddings: its value and its gradients, on a device and on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu.distance import distance
from captcha_ssl.losses.barlow_twins import barlow_twins
from captcha_ssl.losses.cosine import negative_cosine
from captcha_ssl.losses.registry import LOSSES, build_loss
from captcha_ssl.losses.relational import relational_consistency
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.losses.swav import swav
from captcha_ssl.losses.vicreg import vicreg

TwoViews = Callable[[Tensor, Tensor], Tensor]


def two_view_losses(device: torch.device) -> dict[str, TwoViews]:
    """The losses by name, each a function of two views `[N, D]` on `device`."""
    pair_losses = {name: build_loss(LossSettings(loss=name)) for name in LOSSES}
    queue = _embeddings(2).to(device)
    return {
        **pair_losses,
        **{f"{n} with a queue": partial(loss, negatives=queue) for n, loss in pair_losses.items()},
        "swav": lambda a, b: swav(F.normalize(a, dim=1), F.normalize(b, dim=1)),
        "barlow-twins": barlow_twins,
        "vicreg": vicreg,
        "negative-cosine": negative_cosine,
        "relational-consistency": relational_consistency,
    }


def loss_errors(name: str, device: torch.device) -> dict[str, float]:
    """The distances of a loss and of its gradients on `device` from those on the CPU."""
    (loss, gradients), (loss_there, gradients_there) = (
        _evaluate(name, place) for place in (torch.device("cpu"), device)
    )
    return {
        "loss": distance([loss], [loss_there]),
        "gradients": distance(gradients, gradients_there),
    }


def _evaluate(name: str, device: torch.device) -> tuple[Tensor, list[Tensor]]:
    one = _embeddings(0)
    views = [view.to(device).requires_grad_() for view in (one, one + 4 * _embeddings(1))]
    loss = two_view_losses(device)[name](*views)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss, [view.grad for view in views if view.grad is not None]


def _embeddings(seed: int) -> Tensor:
    return torch.randn(192, 64, generator=torch.Generator().manual_seed(seed))
