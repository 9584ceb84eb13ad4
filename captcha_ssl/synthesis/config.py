"""All settings of a rendered dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from captcha_ssl.config import Config
from captcha_ssl.settings import Settings
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings


@dataclass(frozen=True)
class GenerateConfig(Config):
    """The look of the pictures, and how many are written in which format."""

    section: ClassVar[str] = "generate"
    shown: ClassVar[tuple[type[Settings], ...]] = (PictureSettings, GenerateSettings)

    picture: PictureSettings = PictureSettings()
    job: GenerateSettings = GenerateSettings()
