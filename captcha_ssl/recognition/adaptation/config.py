"""All settings of an adaptation: its own, self-training, the loop, the model, the views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from captcha_ssl.config import Config, Given
from captcha_ssl.recognition.adaptation.settings import AdaptSettings
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings, SelfTrainingSettings
from captcha_ssl.settings import Settings
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.views.settings import ViewSettings, gentle_views


@dataclass(frozen=True)
class AdaptConfig(Config):
    """The settings of an adaptation."""

    section: ClassVar[str] = "adapt"
    shown: ClassVar[tuple[type[Settings], ...]] = (AdaptSettings, LoopSettings)
    open_defaults: ClassVar[Mapping[str, str]] = {"encoder": "that of the start"}

    adapt: AdaptSettings = AdaptSettings()
    self_training: SelfTrainingSettings = SelfTrainingSettings()
    loop: LoopSettings = LoopSettings()
    model: ModelSettings = ModelSettings()
    views: ViewSettings = gentle_views()

    @classmethod
    def read(cls, given: Given) -> Self:
        """The configuration a user asks for. Raises UserError as `Given.over` does."""
        return cls().at(given)

    @property
    def finetuning(self) -> FinetuneConfig:
        """The training on the texts and on all images, from the recognizer that has read them."""
        own = self.adapt
        return FinetuneConfig(
            FinetuneSettings(
                init_from=own.init_from, steps=own.steps, head_lr=own.head_lr, extend=False
            ),
            self.self_training,
            self.loop,
            self.model,
            self.views,
        )
