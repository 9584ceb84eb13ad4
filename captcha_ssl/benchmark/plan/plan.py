"""The plan: the arms that are asked for, label counts, seeds, and what tuning tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from captcha_ssl.benchmark.plan.arms import (
    ADAPTED,
    CONTROLS,
    FROM_SHIPPED,
    SYNTHETIC,
    Arm,
    arms_of,
    compute_models,
    file_name,
    pretrained_methods,
)
from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import SHIPPED


@dataclass(frozen=True)
class Choice:
    """What tuning chooses for an arm: the learning rate and, for self-training, the recipe.

    `lr` is the encoder's rate, or the head's if the encoder is frozen.
    """

    lr: float
    recipe: str = ""

    def __str__(self) -> str:
        return f"lr {self.lr:g}" + (f", {self.recipe}" if self.recipe else "")

    @property
    def in_file_names(self) -> str:
        """The choice as it appears in file names."""
        return file_name(f"{self.lr:g}" + (f"-{self.recipe}" if self.recipe else ""))


@dataclass(frozen=True)
class Cell:
    """One reported run: `seed` decides the labels, the initialization and the batches."""

    arm: Arm
    labels: int
    seed: int


def plan_arms(settings: BenchmarkSettings) -> tuple[Arm, ...]:
    """The arms that `settings.arms` asks for, each once, in that order.

    NAME@N is the arm NAME only at N labels, NAME@N@M at N and M. Raises UserError for an unknown
    arm, for a label count that is not requested, for scratch-long without a pretrained arm, and for
    a synthetic arm whose style is that of the test images.
    """
    methods = [method.strip() for method in settings.methods]
    continued = [method + FROM_SHIPPED for method in methods]
    sources = [SYNTHETIC, SHIPPED, ADAPTED, *methods, *continued]
    known = {arm.name: arm for arm in (*CONTROLS, *arms_of(sources))}
    found: dict[str, Arm] = {}
    for asked in settings.arms:
        stem, *counts = asked.strip().split("@")
        for name in _expand(stem, methods):
            if name not in known:
                raise UserError(f"arm {name!r} is not known; {did_you_mean(name, known)}")
            found[name] = replace(known[name], only_at=_only_at(asked, counts, settings))
    arms = tuple(found.values())
    if any(arm.match_compute for arm in arms) and not compute_models(arms):
        raise UserError("scratch-long needs a pretrained arm beside it, to match its compute")
    shared = set(settings.style.split(",")) & set(settings.synthetic_style.split(","))
    drawn_alike = not settings.data and shared
    if drawn_alike and any(arm.method == SYNTHETIC for arm in arms):
        raise UserError(
            f"synthetic_style {min(shared)!r} is the style of the images themselves; the arm "
            "synthetic stands for labels of another style: change one of the two"
        )
    _check_unseen_style(arms, settings)
    return arms


def pretrainings(arms: Sequence[Arm], settings: BenchmarkSettings) -> list[tuple[str, int]]:
    """The pretrainings of the arms, each method and seed once."""
    seeds = range(settings.seed, settings.seed + settings.pretrain_seeds)
    return [(method, seed) for method in pretrained_methods(arms) for seed in seeds]


def plan_cells(arms: Sequence[Arm], settings: BenchmarkSettings) -> list[Cell]:
    """All reported runs. Their seeds differ from `settings.seed`, which tunes and pretrains."""
    seeds = range(settings.seed + 1, settings.seed + 1 + settings.seeds)
    return [
        Cell(arm, labels, seed)
        for arm in arms
        for labels in label_counts(arm, settings)
        for seed in seeds
    ]


def label_counts(arm: Arm, settings: BenchmarkSettings) -> list[int]:
    """The label counts of an arm, in rising order."""
    return sorted(set(arm.only_at or settings.label_counts))


def check_pile(settings: BenchmarkSettings) -> None:
    """Raise UserError for a pile without labeled images of its own kind."""
    if settings.pile and not settings.data:
        raise UserError("--pile: name labeled images of the same kind too, as DATA")


def check_grids(settings: BenchmarkSettings) -> None:
    """Raise UserError when the two grids differ in size: the arms would not be equal."""
    if len(settings.lr_grid) != len(settings.head_lr_grid):
        raise UserError(
            f"lr_grid has {len(settings.lr_grid)} rates and head_lr_grid "
            f"{len(settings.head_lr_grid)}; every arm gets the same number of trials"
        )


def learning_rates(arm: Arm, settings: BenchmarkSettings) -> tuple[float, ...]:
    """The rates tried for an arm: the encoder's, or the head's where the encoder is frozen."""
    return settings.head_lr_grid if arm.freeze else settings.lr_grid


def choices(arm: Arm, settings: BenchmarkSettings) -> list[Choice]:
    """All that tuning may choose for an arm."""
    recipes = settings.recipes if arm.self_training else ()
    rates = learning_rates(arm, settings)
    return [Choice(lr, recipe) for lr in rates for recipe in recipes or ("",)]


def trials(arm: Arm, settings: BenchmarkSettings) -> list[Choice]:
    """The choices of an arm that are compared: none of them where there is only one."""
    tried = choices(arm, settings)
    return tried if len(tried) > 1 else []


def _check_unseen_style(arms: Sequence[Arm], settings: BenchmarkSettings) -> None:
    """Raise UserError if a run would learn from the unseen style."""
    seen = set() if settings.data else set(settings.style.split(","))
    if any(arm.method == SYNTHETIC for arm in arms):
        seen |= set(settings.synthetic_style.split(","))
    if shared := seen & set((settings.unseen_style or "").split(",")):
        raise UserError(f"unseen_style {min(shared)!r} is learned from; name another style")


def _only_at(asked: str, counts: Sequence[str], settings: BenchmarkSettings) -> tuple[int, ...]:
    known = {str(count): count for count in settings.label_counts}
    for count in counts:
        if count not in known:
            raise UserError(
                f"arm {asked!r}: {count or 'nothing'} is not one of the label counts "
                f"{', '.join(known)}"
            )
    return tuple(known[count] for count in counts)


def _expand(asked: str, methods: Sequence[str]) -> list[str]:
    stem, dash, kind = asked.partition("-")
    return [method + dash + kind for method in methods] if stem == "pretrained" else [asked]
