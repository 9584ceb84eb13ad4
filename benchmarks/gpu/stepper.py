"""Steps of SimCLR one by one, as the loop takes them, for what is timed or traced."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.throughput import simclr
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.training.batches import BatchOrder, step_seed
from captcha_ssl.training.captured_step import build_step, on_tensors
from captcha_ssl.training.device import resolve_precision
from captcha_ssl.training.optimizer import build_optimizer, cosine_factor, set_learning_rate
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.store import image_fetcher

_OF = 1000
"""Steps of the training that these are the first of."""


def stepper(
    images: np.ndarray, encoder: str, settings: LoopSettings, said: list[str]
) -> Callable[[int], Tensor]:
    """A function from the number of a step to its figures; `said` gets why nothing is captured."""
    device = torch.device(settings.device)
    precision = resolve_precision(settings.precision, device)
    method = simclr(images, settings, encoder).to(device).train()
    static = on_tensors(settings.compile, device)
    groups = parameter_groups(method, settings.lr, settings.weight_decay)
    optimizer = build_optimizer(groups, rates_on=device if static else None)
    autocast = torch.autocast(device.type, precision, enabled=precision != torch.float32)
    take = build_step(method, optimizer, autocast, settings, device, said.append)
    order = BatchOrder(len(images), settings.batch_size, settings.seed)
    fetch = image_fetcher(images, device)

    def step(number: int) -> Tensor:
        set_learning_rate(optimizer, cosine_factor(number, _OF, settings.warmup))
        torch.manual_seed(step_seed(settings.seed, number))
        return take(fetch(order(number)), number / _OF)

    return step
