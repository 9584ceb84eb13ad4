"""The search space: one line per dimension, each an existing setting.

A dimension of pretraining takes part where the method has that setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.errors import UserError
from captcha_ssl.methods.registry import METHODS
from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.settings import options
from captcha_ssl.tuning.settings import NO_METHOD, TuneSettings

NOTHING, PILE = "none", "pile"
METHOD, START, SELF_TRAINING = "method", "start", "self_training"
"""These three decide which others apply; the others are named STAGE.SETTING."""
BOTH, PRETRAIN, FINETUNE = "model", "pretrain", "finetune"
Values = Mapping[str, Any]
"""Name of a dimension → its value."""


@dataclass(frozen=True)
class AnyOf:
    """One of a few values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Span:
    """A number from `low` to `high`; whole where both are, and even in its logarithm if `log`."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Times:
    """Multiples of the search's steps of fine-tuning."""

    factors: tuple[int, ...]


@dataclass(frozen=True)
class Dimension:
    """The setting `key` of a stage, and the values to try `when` it applies."""

    stage: str
    key: str
    tried: AnyOf | Span | Times
    when: Callable[[Values], bool] = lambda values: True

    @property
    def name(self) -> str:
        return f"{self.stage}.{self.key}"


def _self_training(values: Values) -> bool:
    return bool(values[SELF_TRAINING])


def _pretrained(values: Values) -> bool:
    """A random encoder must not be frozen."""
    return bool(values[METHOD] != NO_METHOD or values[START] != NOTHING)


SPACE: tuple[Dimension, ...] = (
    Dimension(BOTH, "height", AnyOf((None, 32, 48))),
    Dimension(PRETRAIN, "lr", Span(3e-4, 6e-3, log=True)),
    Dimension(PRETRAIN, "crop_width", AnyOf((None, 16, 24, 32, 40))),
    Dimension(PRETRAIN, "core", AnyOf((1, 2, 4))),
    Dimension(PRETRAIN, "jitter", Span(0, 8)),
    Dimension(PRETRAIN, "rotation", Span(0.0, 30.0)),
    Dimension(PRETRAIN, "scale", Span(0.0, 0.4)),
    Dimension(PRETRAIN, "elastic", Span(0.0, 2.0)),
    Dimension(PRETRAIN, "thickness", Span(0.0, 0.8)),
    Dimension(PRETRAIN, "strokes", Span(0, 3)),
    Dimension(PRETRAIN, "dots", Span(0.0, 20.0)),
    Dimension(PRETRAIN, "noise", Span(0.0, 0.3)),
    Dimension(PRETRAIN, "blur", Span(0.0, 0.6)),
    Dimension(PRETRAIN, "temperature", Span(0.05, 1.0, log=True)),
    Dimension(PRETRAIN, "projector_hidden", AnyOf((128, 256, 512))),
    Dimension(PRETRAIN, "bottleneck", AnyOf((16, 32, 64))),
    Dimension(PRETRAIN, "variant", AnyOf(("masked", "denoising"))),
    Dimension(PRETRAIN, "mask_shape", AnyOf(("block", "column"))),
    Dimension(PRETRAIN, "mask_size", AnyOf((4, 8, 16))),
    Dimension(PRETRAIN, "mask_ratio", Span(0.3, 0.85)),
    Dimension(PRETRAIN, "contrast_weight", Span(0.03, 1.0, log=True)),
    Dimension(PRETRAIN, "prototypes", AnyOf((32, 64, 128, 256))),
    Dimension(FINETUNE, "lr", Span(5e-4, 1e-2, log=True)),
    Dimension(FINETUNE, "freeze_first", AnyOf((0.0, 0.1, 0.3)), _pretrained),
    Dimension(FINETUNE, "steps", Times((1, 2))),
    Dimension(FINETUNE, "consistency", AnyOf((0.0, 0.2))),
    Dimension(FINETUNE, "alignment", AnyOf((0.0, 0.2, 1.0))),
    Dimension(FINETUNE, "strokes", AnyOf((0, 2))),
    Dimension(FINETUNE, "pile_ratio", AnyOf((1.0, 3.0)), _self_training),
    Dimension(FINETUNE, "ramp", AnyOf((0.05, 0.3)), _self_training),
)


class Suggest(Protocol):
    """Chooses values, as a trial of Optuna does."""

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...

    def suggest_int(self, name: str, low: int, high: int) -> int: ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...


def draw(suggest: Suggest, settings: TuneSettings, *, shipped: bool) -> dict[str, Any]:
    """A recipe: the values of all dimensions that take part in it.

    What is not among `settings.only` has its default. `shipped` whether the shipped model may be
    the start.
    """
    asked = _asked(settings)
    values: dict[str, Any] = defaults(settings.methods[0] if settings.methods else NO_METHOD)
    decisive = {
        METHOD: (NO_METHOD, *settings.methods),
        START: (NOTHING, SHIPPED) if shipped else (NOTHING,),
        SELF_TRAINING: (False, True),
    }
    values = {name: values[name] for name in decisive}
    for name, choices in decisive.items():
        if name in asked and len(choices) > 1:
            values[name] = suggest.suggest_categorical(name, choices)
    for dimension in taking_part(values):
        default = default_of(dimension, values, settings)
        if dimension.name in asked:
            values[dimension.name] = _suggested(suggest, dimension, settings)
        else:
            values[dimension.name] = default
    return values


def defaults(method: str, start: str = NOTHING, *, self_training: bool = False) -> dict[str, Any]:
    """The values that decide which others take part."""
    return {METHOD: method, START: start, SELF_TRAINING: self_training}


def with_defaults(decisive: Values, settings: TuneSettings) -> dict[str, Any]:
    """A recipe whose other dimensions have the defaults of their settings."""
    rest = {d.name: default_of(d, decisive, settings) for d in taking_part(decisive)}
    return {**decisive, **rest}


def taking_part(values: Values) -> Iterator[Dimension]:
    """The dimensions that apply, given the deciding dimensions in `values`."""
    for dimension in SPACE:
        known = dimension.stage == BOTH or dimension.key in _settings(dimension.stage, values)
        if known and dimension.when(values):
            yield dimension


def default_of(dimension: Dimension, values: Values, settings: TuneSettings) -> Any:
    """The default of the setting."""
    if isinstance(dimension.tried, Times):
        return settings.finetune_steps
    if dimension.stage == BOTH:
        return None
    return _settings(dimension.stage, values)[dimension.key]


def check_names(settings: TuneSettings) -> None:
    """Raise UserError for an unknown method or dimension."""
    for method in settings.methods:
        if method not in METHODS:
            raise UserError(f"methods: {method!r} is not known; {did_you_mean(method, METHODS)}")
    known = names()
    for name in settings.only:
        if name not in known:
            raise UserError(f"only: {name!r} is no dimension; {did_you_mean(name, known)}")


def names() -> tuple[str, ...]:
    """The names of all dimensions."""
    return (METHOD, START, SELF_TRAINING, *(dimension.name for dimension in SPACE))


def _asked(settings: TuneSettings) -> tuple[str, ...]:
    return settings.only or names()


def _settings(stage: str, values: Values) -> Mapping[str, Any]:
    """Setting → default, of the stage as the values that decide have it."""
    return _defaults_of(stage, values[METHOD])


@cache
def _defaults_of(stage: str, method: str) -> Mapping[str, Any]:
    if stage == PRETRAIN and method == NO_METHOD:
        return {}
    config = PretrainConfig.of(method) if stage == PRETRAIN else FinetuneConfig()
    return {key: getattr(part, key) for part in config.parts for key in options(type(part))}


def _suggested(suggest: Suggest, dimension: Dimension, settings: TuneSettings) -> Any:
    name = dimension.name
    match dimension.tried:
        case AnyOf(values):
            return suggest.suggest_categorical(name, values)
        case Times(factors):
            steps = tuple(factor * settings.finetune_steps for factor in factors)
            return suggest.suggest_categorical(name, steps)
        case Span(int(low), int(high)):
            return suggest.suggest_int(name, low, high)
        case Span(low, high, log):
            return suggest.suggest_float(name, low, high, log=log)
