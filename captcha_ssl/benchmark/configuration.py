"""All settings of a benchmark: its own, the encoder's and those of every method in it."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from captcha_ssl.benchmark.plan import Arm, learning_rates, plan_arms, preset_values
from captcha_ssl.benchmark.settings import BenchmarkSettings
from captcha_ssl.methods.registry import method_class
from captcha_ssl.settings import peek, resolve, to_toml
from captcha_ssl.training.settings import ModelSettings


@dataclass(frozen=True)
class Configuration:
    """What a benchmark was told. `methods` holds the settings instances of each method."""

    benchmark: BenchmarkSettings
    model: ModelSettings
    methods: Mapping[str, tuple[Any, ...]]
    arms: tuple[Arm, ...]

    def to_toml(self) -> str:
        """TOML that `configure` reads back to an equal configuration."""
        of_methods = [instance for instances in self.methods.values() for instance in instances]
        return to_toml(self.benchmark, self.model, *of_methods)


def configure(
    *,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Configuration:
    """Settings in rising order of strength: default, preset, file, `key=value`, flag.

    Raises UserError for an unknown key, preset, method or arm, or a value that is not allowed.
    """
    flags = flags or {}
    preset = _peek("preset", file, assignments, flags) or BenchmarkSettings.preset
    values = preset_values(preset)
    # A list in TOML arrives here as Python writes it; a method's name is a word in either.
    listed = _peek("methods", file, assignments, flags)
    names = re.findall(r"[\w-]+", listed) if listed else BenchmarkSettings.methods
    of_methods = {name: method_class(name).settings_classes for name in names}
    classes = list(dict.fromkeys((BenchmarkSettings, ModelSettings, *chain(*of_methods.values()))))
    instances = resolve(
        [with_defaults(cls, values) for cls in classes],
        file=file,
        assignments=assignments,
        flags=flags,
    )
    resolved = {cls: _as(cls, found) for cls, found in zip(classes, instances, strict=True)}
    settings = resolved[BenchmarkSettings]
    arms = plan_arms(settings)
    learning_rates(arms[0], settings)
    methods = {name: tuple(resolved[cls] for cls in of_methods[name]) for name in names}
    return Configuration(settings, resolved[ModelSettings], methods, arms)


def with_defaults(cls: type, values: Mapping[str, Any]) -> type:
    """The settings class `cls` with those of `values` that it has a field for as defaults."""
    hints = typing.get_type_hints(cls)
    fields = [
        (f.name, hints[f.name], dataclasses.field(default=values[f.name], metadata=f.metadata))
        for f in dataclasses.fields(cls)
        if f.name in values
    ]
    return dataclasses.make_dataclass(cls.__name__, fields, bases=(cls,), frozen=True)


def _as(cls: type, instance: Any) -> Any:
    return cls(**{f.name: getattr(instance, f.name) for f in dataclasses.fields(cls)})


def _peek(
    key: str, file: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]
) -> str | None:
    return peek(key, file=file, assignments=assignments, flag=flags.get(key))
