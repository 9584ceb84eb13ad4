"""Which arms are compared, at how many labels, from which seeds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from captcha_ssl.benchmark.settings import BenchmarkSettings
from captcha_ssl.errors import UserError

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {},
    "standard": {
        "unlabelled": 20_000,
        "test": 5_000,
        "label_counts": (100, 300, 1000),
        "seeds": 5,
        "pretrain_steps": 8000,
        "finetune_steps": 1000,
        "lr_grid": (5e-4, 1e-3, 3e-3),
        "head_lr_grid": (3e-3, 1e-2, 3e-2),
        "arms": ("scratch", "random-frozen", "pretrained", "pretrained-frozen"),
    },
    "paper": {
        "unlabelled": 860_000,
        "test": 10_000,
        "label_counts": (100, 300, 1000, 3000, 10_000),
        "seeds": 5,
        "pretrain_steps": 20_000,
        "pretrain_batch_size": 256,
        "finetune_steps": 4000,
        "lr_grid": (3e-4, 1e-3, 3e-3),
        "head_lr_grid": (3e-3, 1e-2, 3e-2),
        "arms": ("scratch", "scratch-long", "random-frozen", "pretrained", "pretrained-frozen"),
    },
}
"""Values that a preset puts in the place of the defaults; any settings class may be meant."""


@dataclass(frozen=True)
class Arm:
    """One way to come to a recogniser.

    `method` names the variant that the encoder is pretrained with (None: not at all). `finetune`
    replaces fields of FinetuneSettings. `match_compute` prolongs the fine-tuning until it takes
    as long as the costliest pretraining and a fine-tuning together.
    """

    name: str
    method: str | None = None
    freeze: bool = False
    finetune: Mapping[str, Any] = field(default_factory=dict, hash=False)
    match_compute: bool = False

    @property
    def folder(self) -> str:
        """The name as a part of file names."""
        return file_name(self.name)


CONTROLS = (
    Arm("scratch"),
    Arm("scratch-long", match_compute=True),
    Arm("random-frozen", freeze=True),
)


@dataclass(frozen=True)
class Cell:
    """One run that is reported: `seed` draws the labels, the initialisation and the batches."""

    arm: Arm
    labels: int
    seed: int


def preset_values(name: str) -> dict[str, Any]:
    """The values of a preset. Raises UserError with the nearest known name."""
    if name not in PRESETS:
        raise UserError(f"preset {name!r} is not known; {_hint(name, list(PRESETS))}")
    return PRESETS[name]


def plan_arms(settings: BenchmarkSettings) -> tuple[Arm, ...]:
    """The arms that `settings.arms` asks for, each once, in that order.

    Raises UserError for an arm that is not known or that has nothing to match.
    """
    methods = [method.strip() for method in settings.methods]
    known = {arm.name: arm for arm in (*CONTROLS, *_method_arms(methods))}
    names = [name for asked in settings.arms for name in _expand(asked.strip(), methods)]
    for name in names:
        if name not in known:
            raise UserError(f"arm {name!r} is not known; {_hint(name, list(known))}")
    arms = tuple(known[name] for name in dict.fromkeys(names))
    if any(arm.match_compute for arm in arms) and not compute_models(arms):
        raise UserError("scratch-long needs a pretrained arm beside it, to match its compute")
    return arms


def file_name(variant: str) -> str:
    """The name of a variant or arm without the signs that some file systems refuse."""
    return re.sub(r"[^\w.+-]", "-", variant)


def compute_models(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms whose compute a `match_compute` arm is given: pretrained and fully fine-tuned."""
    return tuple(arm for arm in arms if arm.method and not arm.freeze)


def plan_cells(arms: Sequence[Arm], settings: BenchmarkSettings) -> list[Cell]:
    """All reported runs. Their seeds are never `settings.seed`, which tunes and pretrains."""
    seeds = range(settings.seed + 1, settings.seed + 1 + settings.seeds)
    return [
        Cell(arm, labels, seed)
        for arm in arms
        for labels in sorted(set(settings.label_counts))
        for seed in seeds
    ]


def learning_rates(arm: Arm, settings: BenchmarkSettings) -> tuple[float, ...]:
    """The rates tried for an arm: the encoder's, or the head's where the encoder is frozen.

    Raises UserError when the two grids differ in size, for then the arms would not be equal.
    """
    if len(settings.lr_grid) != len(settings.head_lr_grid):
        raise UserError(
            f"lr_grid has {len(settings.lr_grid)} rates and head_lr_grid "
            f"{len(settings.head_lr_grid)}; every arm gets the same number of trials"
        )
    return settings.head_lr_grid if arm.freeze else settings.lr_grid


def _method_arms(methods: Sequence[str]) -> list[Arm]:
    plain = [Arm(method, method) for method in methods]
    return plain + [Arm(f"{method}-frozen", method, freeze=True) for method in methods]


def _expand(asked: str, methods: Sequence[str]) -> list[str]:
    if asked not in ("pretrained", "pretrained-frozen"):
        return [asked]
    return [method + asked.removeprefix("pretrained") for method in methods]


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
