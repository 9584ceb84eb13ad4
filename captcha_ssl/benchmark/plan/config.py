"""All settings of a benchmark: its own, the encoder's and those of every method in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar

from captcha_ssl.benchmark.plan.arms import ON_OWN_IMAGES, Arm, starts_from_shipped
from captcha_ssl.benchmark.plan.plan import check_grids, plan_arms
from captcha_ssl.benchmark.plan.presets import arms_at, preset_values
from captcha_ssl.benchmark.plan.recipes import SelfTrainingRecipe, build_recipes
from captcha_ssl.benchmark.plan.settings import BenchmarkSettings, PretrainingSettings
from captcha_ssl.benchmark.plan.variants import (
    Variant,
    build_variant,
    settings_classes,
    variant_names,
)
from captcha_ssl.config import Config, Given
from captcha_ssl.recognition.fine_tuning.settings import SelfTrainingSettings
from captcha_ssl.settings import Settings
from captcha_ssl.training.settings import ModelSettings, as_shipped

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class BenchmarkConfig(Config):
    """The settings of a benchmark. `methods` holds the settings that variants start from."""

    section: ClassVar[str] = "benchmark"
    shown: ClassVar[tuple[type[Settings], ...]] = (BenchmarkSettings, ModelSettings)
    open_defaults: ClassVar[Mapping[str, str]] = {
        "arms": "scratch,pretrained; with DATA scratch, shipped, pretrained and "
        "pretrained-from-shipped, each also with -self-training",
        "encoder": "tiny; small where an arm starts from the shipped model, as with DATA",
    }

    benchmark: BenchmarkSettings
    model: ModelSettings
    self_training: SelfTrainingSettings
    pretraining: PretrainingSettings
    methods: tuple[Settings, ...]
    variants: Mapping[str, Variant] = dataclasses.field(default_factory=dict)
    recipes: Mapping[str, SelfTrainingRecipe] = dataclasses.field(default_factory=dict)
    arms: tuple[Arm, ...] = ()

    @classmethod
    def read(cls, given: Given) -> Self:
        """Settings in rising order of strength: default, preset, file, `key=value`, flag, variant.

        Raises UserError for an unknown key, preset, method or arm, or a value not allowed.
        """
        values = preset_values(given.peek("preset") or BenchmarkSettings().preset)
        listed = given.peek("methods")
        names = variant_names(listed) if listed else BenchmarkSettings().methods

        def start(kind: type[S]) -> S:
            return kind(**{key: values[key] for key in kind.model_fields if key in values})

        used = dict.fromkeys(kind for name in names for kind in settings_classes(name))
        used.pop(PretrainingSettings, None)
        found = cls(
            benchmark=start(BenchmarkSettings),
            model=start(ModelSettings),
            self_training=start(SelfTrainingSettings),
            pretraining=start(PretrainingSettings),
            methods=tuple(start(kind) for kind in used),
        ).at(given)
        if found.benchmark.data and found.benchmark.explicit("arms") is None:
            benchmark = found.benchmark.replace(arms=ON_OWN_IMAGES)
            found = dataclasses.replace(found, benchmark=benchmark)
        if given.peek("arms") is None:
            fitted = arms_at(found.benchmark.label_counts, found.benchmark.arms)
            found = dataclasses.replace(found, benchmark=found.benchmark.replace(arms=fitted))
        arms = plan_arms(found.benchmark)
        if any(starts_from_shipped(arm.method) for arm in arms):
            found = dataclasses.replace(found, model=as_shipped(found.model))
        check_grids(found.benchmark)
        common = {type(part): part for part in (found.pretraining, *found.methods)}
        return dataclasses.replace(
            found,
            variants={name: build_variant(name, common) for name in names},
            recipes=build_recipes(found.benchmark, found.self_training),
            arms=arms,
        )

    def turned_off(self) -> Container[str]:
        """What the preset has: it would bring its value back."""
        return preset_values(self.benchmark.preset)
