"""Our SimCLR step: the loop that `pretrain` runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.pretrain import build_method
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.loop import train
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.training.store import image_fetcher


def own_step(
    images: np.ndarray, encoder: str, steps: int, loop: LoopSettings, instances: str
) -> list[dict[str, float]]:
    """Train SimCLR for so many steps on the CPU; the logged figures."""
    start = PretrainConfig.of("simclr")
    config = replace(
        start,
        loop=loop,
        model=ModelSettings(encoder=encoder),
        method=tuple(
            part.replace(instances=instances) if isinstance(part, InstanceSettings) else part
            for part in start.method
        ),
    )
    method = build_method(config, images, Geometry(*images.shape[1:]))
    groups = parameter_groups(method, loop.lr, loop.weight_decay)
    fetch = image_fetcher(images, resolve_device(loop.device))
    return train(method, groups, fetch, len(images), steps, loop)
