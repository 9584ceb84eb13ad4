"""All settings of a search: its own and those of the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from captcha_ssl.config import Config, Given
from captcha_ssl.settings import Settings
from captcha_ssl.training.settings import ModelSettings
from captcha_ssl.tuning.settings import TuneSettings
from captcha_ssl.tuning.space import check_names


@dataclass(frozen=True)
class TuneConfig(Config):
    """The settings of a search for a recipe."""

    section: ClassVar[str] = "tune"
    shown: ClassVar[tuple[type[Settings], ...]] = (TuneSettings, ModelSettings)

    tune: TuneSettings = TuneSettings()
    model: ModelSettings = ModelSettings()

    @classmethod
    def read(cls, given: Given) -> Self:
        """What a user set. Raises UserError as `Given.over` does, and for an unknown name."""
        config = cls().at(given)
        check_names(config.tune)
        return config
