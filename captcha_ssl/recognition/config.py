"""All settings of a fine-tuning: what is learned, self-training, the loop, the model, the views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from captcha_ssl.config import Config
from captcha_ssl.recognition.settings import FinetuneSettings, SelfTrainingSettings
from captcha_ssl.settings import Settings
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.views.settings import ViewSettings, gentle_views


@dataclass(frozen=True)
class FinetuneConfig(Config):
    """The settings of a fine-tuning."""

    shown: ClassVar[tuple[type[Settings], ...]] = (FinetuneSettings, ModelSettings, LoopSettings)

    finetune: FinetuneSettings = FinetuneSettings()
    self_training: SelfTrainingSettings = SelfTrainingSettings()
    loop: LoopSettings = LoopSettings()
    model: ModelSettings = ModelSettings()
    views: ViewSettings = gentle_views()
