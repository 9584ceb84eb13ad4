"""All settings of a benchmark: its own, the encoder's and those of every method in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from captcha_ssl.benchmark.plan.plan import Arm, learning_rates, plan_arms
from captcha_ssl.benchmark.plan.presets import preset_values
from captcha_ssl.benchmark.plan.recipes import Recipe, build_recipes
from captcha_ssl.benchmark.plan.settings import BenchmarkSettings, PretrainingSettings
from captcha_ssl.benchmark.plan.variants import (
    Variant,
    as_plain,
    build_variant,
    settings_classes,
    variant_names,
)
from captcha_ssl.recognition.settings import SelfTrainingSettings
from captcha_ssl.settings import peek, resolve, to_toml, with_defaults
from captcha_ssl.training.settings import ModelSettings


@dataclass(frozen=True)
class Configuration:
    """What a benchmark was told. `common` holds the settings that variants start from."""

    benchmark: BenchmarkSettings
    model: ModelSettings
    self_training: SelfTrainingSettings
    common: tuple[Any, ...]
    variants: Mapping[str, Variant]
    recipes: Mapping[str, Recipe]
    arms: tuple[Arm, ...]

    def to_toml(self) -> str:
        """TOML that `configure` reads back to an equal configuration."""
        return to_toml(self.benchmark, self.model, self.self_training, *self.common)

    @property
    def pretraining(self) -> PretrainingSettings:
        """How long a pretraining is that no variant says otherwise of."""
        return next(found for found in self.common if isinstance(found, PretrainingSettings))


def configure(
    *,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Configuration:
    """Settings in rising order of strength: default, preset, file, `key=value`, flag, variant.

    Raises UserError for an unknown key, preset, method or arm, or a value that is not allowed.
    """
    flags = flags or {}
    preset = _peek("preset", file, assignments, flags) or BenchmarkSettings.preset
    values = preset_values(preset)
    listed = _peek("methods", file, assignments, flags)
    names = variant_names(listed) if listed else BenchmarkSettings.methods
    own = (BenchmarkSettings, ModelSettings, SelfTrainingSettings)
    common = dict.fromkeys(chain((PretrainingSettings,), *map(settings_classes, names)))
    classes = (*own, *common)
    instances = resolve(
        [with_defaults(cls, values) for cls in classes],
        file=file,
        assignments=assignments,
        flags=flags,
    )
    resolved = {cls: as_plain(cls, found) for cls, found in zip(classes, instances, strict=True)}
    settings, model, self_training = (resolved[cls] for cls in own)
    arms = plan_arms(settings)
    learning_rates(arms[0], settings)
    variants = {name: build_variant(name, resolved) for name in names}
    shared = tuple(resolved[cls] for cls in common)
    recipes = build_recipes(settings, self_training)
    return Configuration(settings, model, self_training, shared, variants, recipes, arms)


def _peek(
    key: str, file: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]
) -> str | None:
    return peek(key, file=file, assignments=assignments, flag=flags.get(key))
