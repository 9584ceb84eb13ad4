"""All settings of a pretraining: what is learned, the loop, the model, and the method's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from captcha_ssl.config import Config, Given
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.registry import default_rate, method_class
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.shipped import AUTO
from captcha_ssl.pretraining.settings import PretrainSettings
from captcha_ssl.settings import Settings
from captcha_ssl.training.settings import LoopSettings, ModelSettings


@dataclass(frozen=True)
class PretrainConfig(Config):
    """The settings of a pretraining. `method` holds instances of the method's settings_classes."""

    section: ClassVar[str] = "pretrain"
    shown: ClassVar[tuple[type[Settings], ...]] = (
        PretrainSettings,
        LossSettings,
        InstanceSettings,
        ModelSettings,
        LoopSettings,
    )
    open_defaults: ClassVar[Mapping[str, str]] = {
        "lr": "of the method, times √(N / 32) for N > 32 images per step, at most 6e-3",
        "encoder": "that of the start; tiny from scratch",
        "init_from": "auto: the shipped model or scratch",
    }

    pretrain: PretrainSettings
    loop: LoopSettings
    model: ModelSettings
    method: tuple[Settings, ...]
    rate_given: bool = field(default=True, compare=False)
    """Whether the learning rate is the user's, and not that of the method and the batch size."""

    @classmethod
    def of(cls, method: str) -> Self:
        """The defaults of a method. Raises UserError for an unknown one."""
        chosen = method_class(method)
        return cls(
            pretrain=PretrainSettings(method=method),
            loop=LoopSettings(lr=chosen.peak_lr),
            model=ModelSettings(),
            method=tuple(settings() for settings in chosen.settings_classes),
        )

    @classmethod
    def read(cls, given: Given) -> Self:
        """The configuration for a user's settings, whose start is chosen unless it is named.

        Raises UserError like `Given.over`.
        """
        # The available settings depend on the method.
        defaults = cls.of(given.peek("method") or PretrainSettings().method)
        found = replace(defaults, pretrain=defaults.pretrain.replace(init_from=AUTO)).at(given)
        if given.peek("lr") is not None:
            return found
        rate = default_rate(found.pretrain.method, found.loop.batch_size)
        return replace(found, loop=found.loop.replace(lr=rate), rate_given=False)

    def opened(self) -> set[str]:
        """As `Config.opened`; and a rate that comes from the method and the batch size."""
        return super().opened() | (set() if self.rate_given else {"lr"})
