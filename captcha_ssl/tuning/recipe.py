"""A recipe: the values of a trial as settings of pretrain, finetune and benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from captcha_ssl.config import Given
from captcha_ssl.models.shipped import ENCODER, SHIPPED
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.settings_text import as_text
from captcha_ssl.training.settings import ModelSettings
from captcha_ssl.tuning.settings import NO_METHOD, TuneSettings
from captcha_ssl.tuning.space import (
    BOTH,
    FINETUNE,
    METHOD,
    PRETRAIN,
    SELF_TRAINING,
    START,
    Values,
    default_of,
    taking_part,
)

_SELF_TRAINING = ("pile_ratio", "ramp")
_BENCHMARK_RATES = (3e-3, 1e-3)
"""Its usual learning rates. Every arm tries one of them besides the rate of the recipe."""


@dataclass(frozen=True)
class Recipe:
    """The `values` of a trial, and the settings of each command that follow from them."""

    values: Values
    tune: TuneSettings
    model: ModelSettings

    @property
    def method(self) -> str | None:
        """The method of pretraining, if there is any."""
        return None if self.values[METHOD] == NO_METHOD else str(self.values[METHOD])

    @property
    def shipped(self) -> bool:
        """Whether it starts from the shipped model."""
        return bool(self.values[START] == SHIPPED)

    @property
    def self_training(self) -> bool:
        """Whether the fine-tuning learns from the pile too."""
        return bool(self.values[SELF_TRAINING])

    @property
    def pixels(self) -> ModelSettings:
        """The encoder and the pixels that it sees."""
        return self.model.replace(**self._pixels())

    def pretraining(self, steps: int, images: int) -> PretrainConfig | None:
        """The pretraining, `steps` long, on a pile of `images`."""
        if self.method is None:
            return None
        own = {"method": self.method, "steps": steps, **self._of(PRETRAIN)}
        if self.shipped:
            own["init_from"] = SHIPPED
        config = PretrainConfig.of(self.method)
        own["batch_size"] = min(config.loop.batch_size, images)
        return config.at(self._given({**own, **self._shared(), **self._pixels()}))

    def finetuning(self, encoder: Path | None) -> FinetuneConfig:
        """The fine-tuning, from an encoder, the shipped model or nothing."""
        own = {**self._of(FINETUNE), **self._shared(), **self._pixels()}
        start = encoder or (Path(SHIPPED) if self.shipped else None)
        return FinetuneConfig().at(self._given({**own, "init_from": start}))

    def tables(self, data: Path, labels: int, *, apart: bool = False) -> dict[str, dict[str, Any]]:
        """The settings by command, without those at their default.

        `data` is the pile, `labels` the label count of the benchmark. If the labels are `apart`
        from the pile, the benchmark learns from it too.
        """
        pretrain = {**self._different(PRETRAIN), **self._pixels()}
        if self.method is not None:
            pretrain = {"method": self.method, "steps": self.tune.pretrain_steps, **pretrain}
            pretrain |= {"init_from": SHIPPED if self.shipped else "none"}
        steps = self.finetuning(None).finetune.steps
        own = self._of(FINETUNE)
        # With its rates, also the default ones: finetune may take others by itself.
        rates: dict[str, Any] = {key: own[key] for key in ("lr", "head_lr") if key in own}
        finetune = {**rates, **self._different(FINETUNE), "steps": steps}
        if self.method is None:
            # After a pretraining, --init-from names the run, which knows its pixels.
            finetune = {"init_from": SHIPPED if self.shipped else "none", **finetune}
            finetune |= self._pixels()
        if self.self_training:
            finetune["unlabeled"] = [str(data)]
        return {
            "pretrain": pretrain,
            "finetune": finetune,
            "benchmark": {
                **({"pile": [str(data)]} if apart else {}),
                **self._benchmark(labels),
                **self._pixels(),
            },
        }

    def to_toml(self, data: Path, labels: int, comment: str, *, apart: bool = False) -> str:
        """`tables` as TOML, below a comment."""
        lines = "".join(f"# {line}\n" for line in comment.splitlines())
        return f"{lines}\n{tomli_w.dumps(self.tables(data, labels, apart=apart))}"

    @property
    def name(self) -> str:
        """Its start and method in a few words."""
        start = "shipped" if self.shipped else "scratch"
        name = start if self.method is None else self.method
        if self.method is not None and self.shipped:
            name += "-from-shipped"
        return name + ("-self-training" if self.self_training else "")

    @property
    def changes(self) -> dict[str, str]:
        """Dimension → value as text, of those that are not at their default."""
        found = {}
        for dimension in taking_part(self.values):
            value = self.values[dimension.name]
            if value != default_of(dimension, self.values, self.tune):
                found[dimension.name] = as_text(_rounded(value))
        return found

    def _of(self, stage: str) -> dict[str, Any]:
        return {
            dimension.key: _rounded(self.values[dimension.name])
            for dimension in taking_part(self.values)
            if dimension.stage == stage
        }

    def _different(self, stage: str) -> dict[str, Any]:
        own = {d.name: d for d in taking_part(self.values) if d.stage == stage}
        return {own[name].key: _rounded(self.values[name]) for name in self.changes if name in own}

    def _shared(self) -> dict[str, Any]:
        keys = ("seed", "device", "precision")
        return {key: getattr(self.tune, key) for key in keys}

    def _pixels(self) -> dict[str, Any]:
        """The encoder and the pixels that the user or the recipe sets."""
        asked = {key: getattr(self.model, key) for key in self.model.model_fields_set}
        own = {**self._of(BOTH), **({"encoder": ENCODER} if self.shipped else {})}
        return {key: value for key, value in {**asked, **own}.items() if value is not None}

    def _given(self, values: dict[str, Any]) -> Given:
        return Given(flags=values, label="")

    def _benchmark(self, labels: int) -> dict[str, Any]:
        """The recipe, the default recipe and no pretraining; all arms have the same fine-tuning."""
        first = self.tune.methods[0] if self.tune.methods else "simclr"
        own = self._variant() if self.method else first
        arms = ["scratch", *(["shipped"] if self.shipped else [])]
        ending = "-from-shipped" if self.shipped else ""
        arms += [method + ending for method in dict.fromkeys((first, own))]
        if self.self_training:
            arms += [f"{arm}-self-training" for arm in arms]
        config = self.finetuning(None)
        rate, settings = config.loop.lr, config.finetune
        other = next(usual for usual in _BENCHMARK_RATES if usual != rate)
        found = {
            "methods": list(dict.fromkeys((first, own))),
            "arms": arms,
            "label_counts": [labels],
            "pretrain_steps": self.tune.pretrain_steps,
            "finetune_steps": settings.steps,
            "lr_grid": sorted((rate, other)),
            "freeze_first": settings.freeze_first,
            "consistency": settings.consistency,
            "alignment": settings.alignment,
            "finetune_strokes": config.views.strokes,
        }
        if self.self_training:
            found |= {key: getattr(config.self_training, key) for key in _SELF_TRAINING}
        return found

    def _variant(self) -> str:
        """The method as benchmark writes one, with the settings that are not its defaults."""
        return ":".join([str(self.method), *self._assignments()])

    def _assignments(self) -> Iterator[str]:
        for key, value in self._different(PRETRAIN).items():
            yield f"{'pretrain_lr' if key == 'lr' else key}={as_text(value)}"


def _rounded(value: Any) -> Any:
    """A number with three significant digits; more would only look precise."""
    return float(f"{value:.3g}") if isinstance(value, float) else value
