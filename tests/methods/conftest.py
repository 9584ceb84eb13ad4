"""What the tests of the methods that guess a class share: pictures, and a few training steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from captcha_ssl.methods.registry import method_class
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings

BATCH = 16
Guess = Callable[..., list[float]]


@pytest.fixture(scope="session")
def digits() -> Callable[[], Tensor]:
    """Draws batches `[16, 1, 32, 96]` of rendered digits."""
    settings = PictureSettings(charset="0123456789", style="fast", height=32, width=96, channels=1)
    pile = torch.from_numpy(np.stack([render(settings, index)[0] for index in range(400)]))
    return lambda: pile[torch.randint(len(pile), (BATCH,))]


@pytest.fixture(scope="session")
def noise() -> Callable[[], Tensor]:
    """Draws batches `[16, 1, 32, 96]` of independent pixels, never the same ones twice."""
    return lambda: torch.randint(0, 256, (BATCH, 1, 32, 96), dtype=torch.uint8)


@pytest.fixture(scope="session")
def guess() -> Guess:
    """Trains a method for some steps; the accuracy of each, on a batch not learned from yet."""

    def train(name: str, settings: Any, draw: Callable[[], Tensor], steps: int) -> list[float]:
        torch.manual_seed(0)
        method = method_class(name)(build_encoder("tiny", 1, 32), settings)
        optimizer = torch.optim.AdamW(method.parameters(), lr=3e-3)
        accuracies = []
        for step in range(steps):
            figures = method(draw(), step / steps)
            optimizer.zero_grad()
            figures["loss"].backward()
            optimizer.step()
            accuracies.append(figures["accuracy"].item())
        return accuracies

    return train


@pytest.fixture(scope="session")
def chance() -> Callable[[int, int], Any]:
    """The accuracy of blind guesses among so many classes, with 4 binomial deviations."""

    def bound(classes: int, guesses: int) -> Any:
        share = 1 / classes
        return pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / guesses))

    return bound
