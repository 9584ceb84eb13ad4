"""Settings of pretraining. Light to import: the command line reads them for its help."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from captcha_ssl.methods.registry import METHODS
from captcha_ssl.settings import Settings, setting


class PretrainSettings(Settings):
    """The method and the length of pretraining."""

    title: ClassVar[str] = "Pretraining"

    method: str = setting(
        "simclr", "pretraining method", choices=lambda: tuple(METHODS), flag="NAME"
    )
    epochs: float = setting(20.0, "passes over the images", low=0.0, flag="N")
    steps: int | None = setting(None, "steps of training; none: from epochs", low=1, flag="N")
    init_from: Path | None = setting(
        None, "start from the encoder of this run or model file, or shipped", flag="RUN"
    )
    monitor_every: int = setting(500, "steps between two measurements of the encoder", low=1)
