"""What every source of an encoder has, and what several need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import ENCODER
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings, ModelSettings


@dataclass(frozen=True)
class Stage:
    """A pretraining: its settings, its length, how it trains and the warnings from its figures."""

    config: str
    batch_size: int
    steps: int
    train: Callable[[RunDirectory, Observer], object]
    findings: Callable[[Mapping[str, float]], list[str]]


class EncoderSource(Protocol):
    """Where an arm's encoder comes from."""

    def check(self, material: Material) -> None:
        """Raises UserError for unusable settings or images, before any training."""
        ...

    def prepare(self, material: Material, folder: Path) -> None:
        """Make what all seeds share, below `folder`, before any of them trains."""
        ...

    def stage(self, seed: int, material: Material, folder: Path) -> Stage | Path:
        """The pretraining, with what was prepared below `folder`; or a finished model."""
        ...

    def describe(self) -> str:
        """A sentence for the report; empty if the list of pretrainings is enough."""
        ...


def loop_of(settings: BenchmarkSettings, batch_size: int, seed: int) -> LoopSettings:
    """The loop of a pretraining, on the device and in the precision of the benchmark."""
    return LoopSettings(
        batch_size=batch_size, seed=seed, device=settings.device, precision=settings.precision
    )


def check_encoder(model: ModelSettings) -> None:
    """Raise UserError when the encoder is not that of the shipped model: no fair race."""
    if model.encoder != ENCODER:
        raise UserError(
            "arms that start from the shipped model need its encoder in every arm: use --set "
            f"encoder={ENCODER}, or leave these arms out of --arms"
        )
