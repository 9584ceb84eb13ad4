"""How a share of the training that is done becomes a factor."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from captcha_ssl.models.task import Progress


def half_cosine(progress: Progress) -> Progress:
    """½ (cos(π · progress) + 1): from 1 to 0, a tensor if `progress` is one."""
    if isinstance(progress, Tensor):
        return 0.5 * (torch.cos(math.pi * progress) + 1)
    return 0.5 * (math.cos(math.pi * progress) + 1)
