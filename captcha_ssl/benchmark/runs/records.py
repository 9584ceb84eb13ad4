"""The record of a finished run: one JSON file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.documents import read_json


@dataclass(frozen=True, kw_only=True)
class Score:
    """How a fine-tuning went and how well it reads; shares lie in 0…1, seconds are its own.

    `final_loss` is None when it was not finite.
    """

    exact_match: float
    cer: float
    converged: bool
    final_loss: float | None
    steps: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FineTuning(Score):
    """The score of an arm at a label count, with the learning rate and the recipe it used."""

    arm: str
    labels: int
    lr: float
    recipe: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for impossible figures."""
        if not 0 <= self.exact_match <= 1:
            raise ValueError("a share of texts beyond 0…1")
        if self.cer < 0 or self.seconds < 0 or not 0 <= self.steps <= _MOST_STEPS:
            raise ValueError("a figure that no run has")


@dataclass(frozen=True, kw_only=True)
class Trial(FineTuning):
    """One trial of tuning, scored on validation images."""


@dataclass(frozen=True, kw_only=True)
class Row(FineTuning):
    """One reported run, scored on the test images.

    `pretrain_seed` is None without pretraining. `unseen` is the exact match in a style that no run
    learns from, None without such a style.
    """

    seed: int
    pretrain_seed: int | None
    unseen: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for impossible figures."""
        super().__post_init__()
        if not 0 <= (self.unseen or 0) <= 1:
            raise ValueError("a share of texts beyond 0…1")


Record = TypeVar("Record", Trial, Row)
REMEDY = "remove it to run it again"
_MOST_STEPS = 10**12


def write_record(file: Path, record: Trial | Row) -> None:
    """Write a record. Raises OSError."""
    atomic_write_text(file, json.dumps(asdict(record), indent=2) + "\n")


def read_record(file: Path, kind: type[Record]) -> Record | None:
    """The record in `file`, or None where there is none. Raises UserError for a damaged file."""
    return read_json(file, kind, REMEDY) if file.exists() else None


def winners(trials: Iterable[Trial]) -> dict[tuple[str, int], Trial]:
    """The best trial of each arm at each label count."""
    tried: dict[tuple[str, int], list[Trial]] = {}
    for trial in trials:
        tried.setdefault((trial.arm, trial.labels), []).append(trial)
    return {tuned: best(of_arm) for tuned, of_arm in tried.items()}


def best(trials: list[Trial]) -> Trial:
    """The best trial: the lowest character error rate, which ranks trials even where no
    text is read whole; of equals the lowest learning rate. One that diverged is the last choice:
    its rate of 1 may be lower than that of a trial that has barely started to learn."""
    return min(
        trials, key=lambda trial: (trial.final_loss is None, trial.cer, trial.lr, trial.recipe)
    )
