"""A pretraining as the benchmark runs it, whatever it learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from captcha_ssl.training.loop import Observer
from captcha_ssl.training.run_directory import RunDirectory


class Learn(Protocol):
    """Trains and writes the model file to the run directory that `begin` opens."""

    def __call__(self, begin: Callable[[], RunDirectory], observe: Observer) -> object: ...


@dataclass(frozen=True)
class Stage:
    """What is stored of the settings, how long it takes, how it learns and what it warns of."""

    config: str
    batch_size: int
    steps: int
    learn: Learn
    findings: Callable[[Mapping[str, float]], list[str]]
