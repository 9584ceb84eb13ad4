"""All settings of a fine-tuning: what is learned, self-training, the loop, the model, the views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from captcha_ssl.config import Config, Given
from captcha_ssl.models.shipped import AUTO
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings, SelfTrainingSettings
from captcha_ssl.settings import Settings
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.views.settings import ViewSettings, gentle_views


@dataclass(frozen=True)
class FinetuneConfig(Config):
    """The settings of a fine-tuning."""

    section: ClassVar[str] = "finetune"
    shown: ClassVar[tuple[type[Settings], ...]] = (FinetuneSettings, ModelSettings, LoopSettings)
    open_defaults: ClassVar[Mapping[str, str]] = {
        "encoder": "that of the start; tiny from scratch",
        "init_from": "auto: the shipped model or scratch",
        "lr": "2e-3; without --unlabeled 5e-4 where the start reads up to 500 labels nearly "
        "without an error",
        "head_lr": "5e-3; 2e-3 where lr is 5e-4",
    }

    finetune: FinetuneSettings = FinetuneSettings()
    self_training: SelfTrainingSettings = SelfTrainingSettings()
    loop: LoopSettings = LoopSettings()
    model: ModelSettings = ModelSettings()
    views: ViewSettings = gentle_views()

    @classmethod
    def read(cls, given: Given) -> Self:
        """The configuration a user asks for, whose start is chosen unless it is named.

        Raises UserError as `Given.over` does.
        """
        return cls(finetune=FinetuneSettings(init_from=AUTO)).at(given)
