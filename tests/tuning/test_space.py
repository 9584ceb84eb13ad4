"""The dimensions: each names a setting, and has its default among what is tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captcha_ssl.config import Given
from captcha_ssl.errors import UserError
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.settings import options
from captcha_ssl.training.settings import ModelSettings
from captcha_ssl.tuning.config import TuneConfig
from captcha_ssl.tuning.recipe import Recipe
from captcha_ssl.tuning.settings import TuneSettings
from captcha_ssl.tuning.space import (
    BOTH,
    FINETUNE,
    PRETRAIN,
    SPACE,
    AnyOf,
    Dimension,
    Span,
    Times,
    default_of,
    defaults,
    draw,
    taking_part,
    with_defaults,
)

SETTINGS = TuneSettings()
METHODS = ("none", *SETTINGS.methods)


class Chooser:
    """Takes the first, or the last, of what there is."""

    def __init__(self, place: int, **fixed: Any) -> None:
        self.place, self.fixed = place, fixed
        self.asked: list[str] = []

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append(name)
        return self.fixed.get(name, choices[self.place])

    def suggest_int(self, name: str, low: int, high: int) -> int:
        self.asked.append(name)
        return (low, high)[self.place]

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked.append(name)
        return (low, high)[self.place]


def _is_tried(dimension: Dimension, value: Any) -> bool:
    match dimension.tried:
        case AnyOf(values):
            return value in values
        case Times(factors):
            return value in [factor * SETTINGS.finetune_steps for factor in factors]
        case Span(low, high):
            return low <= value <= high


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", ["none", "shipped"])
def test_the_defaults_are_among_the_trials(method: str, start: str) -> None:
    decisive = defaults(method, start, self_training=True)
    for dimension in taking_part(decisive):
        default = default_of(dimension, decisive, SETTINGS)
        assert _is_tried(dimension, default), (dimension.name, default)


def test_every_dimension_is_a_setting_that_some_method_or_the_fine_tuning_has() -> None:
    known = {BOTH: set(options(ModelSettings)), FINETUNE: _keys(FinetuneConfig()), PRETRAIN: set()}
    for method in SETTINGS.methods:
        known[PRETRAIN] |= _keys(PretrainConfig.of(method))
    assert [d.name for d in SPACE if d.key not in known[d.stage]] == []


def _keys(config: PretrainConfig | FinetuneConfig) -> set[str]:
    return {key for part in config.parts for key in options(type(part))}


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("method", METHODS)
def test_the_trainings_use_the_drawn_values(method: str, place: int) -> None:
    chooser = Chooser(place, method=method, start="none", self_training=True)
    values = draw(chooser, SETTINGS, shipped=True)
    recipe = Recipe(values, SETTINGS, ModelSettings())
    pretraining, finetuning = recipe.pretraining(7, images=1000), recipe.finetuning(None)
    assert (pretraining is None) == (method == "none")
    given = {
        PRETRAIN: _values(pretraining) if pretraining else {},
        FINETUNE: _values(finetuning),
        BOTH: _values(finetuning),
    }
    for dimension in taking_part(values):
        drawn = values[dimension.name]
        assert given[dimension.stage][dimension.key] == (
            float(f"{drawn:.3g}") if isinstance(drawn, float) else drawn
        )
    if pretraining:
        assert pretraining.pretrain.steps == 7
        assert given[PRETRAIN].get("height") == values["model.height"]


def _values(config: PretrainConfig | FinetuneConfig) -> dict[str, Any]:
    return {key: getattr(part, key) for part in config.parts for key in options(type(part))}


def test_a_method_gets_only_its_own_settings() -> None:
    asked = Chooser(0, method="swav", start="none")
    draw(asked, SETTINGS, shipped=True)
    assert "pretrain.prototypes" in asked.asked
    assert "pretrain.temperature" not in asked.asked  # InfoNCE's, which SwAV has not
    assert "finetune.ramp" not in asked.asked  # only with self-training
    none = Chooser(0, method="none", start="none")
    draw(none, SETTINGS, shipped=True)
    assert not [name for name in none.asked if name.startswith("pretrain.")]
    assert "finetune.freeze_first" not in none.asked  # nothing has learned that could be spoiled
    assert "finetune.freeze_first" in asked.asked


def test_only_some_dimensions_can_be_searched() -> None:
    chooser = Chooser(-1)
    settings = SETTINGS.replace(only=("pretrain.core", "finetune.lr"), methods=("dig",))
    values = draw(chooser, settings, shipped=True)
    assert chooser.asked == ["pretrain.core", "finetune.lr"]
    assert values["finetune.lr"] == 1e-2
    assert {**values, "finetune.lr": 2e-3} == with_defaults(defaults("dig"), settings)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"methods": "simclr,digg"}, "methods: 'digg' is not known; did you mean 'dig'"),
        ({"only": "pretrain.croop"}, "only: 'pretrain.croop' is no dimension; did you mean"),
    ],
)
def test_an_unknown_name_is_refused(flags: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        TuneConfig.read(Given(flags=flags))


def test_a_shipped_start_brings_its_encoder() -> None:
    values = with_defaults(defaults("simclr", "shipped"), SETTINGS)
    config = Recipe(values, SETTINGS, ModelSettings()).pretraining(5, images=100)
    assert config is not None
    assert (config.model.encoder, config.model.channels) == ("small", 1)
    assert config.pretrain.init_from == Path("shipped")
