"""Settings of pretraining. Light to import: the command line reads them for its help."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from captcha_ssl.methods.registry import METHODS
from captcha_ssl.settings import Settings, setting


class PretrainSettings(Settings):
    """The method and the length of pretraining."""

    title: ClassVar[str] = "Pretraining"

    method: str = setting(
        "simclr", "pretraining method", choices=lambda: tuple(METHODS), flag="NAME"
    )
    epochs: float = setting(20.0, "passes over the images", low=0, high=1_000_000, flag="N")
    steps: int | None = setting(None, "steps of training; none: from epochs", low=1, flag="N")
    init_from: Path | None = setting(
        None,
        "start from the encoder of this run or model file, or shipped; none: from scratch; auto: "
        "shipped, unless another encoder is asked for",
        flag="RUN",
    )
    stream: Literal["auto", "on", "off"] = setting(
        "auto",
        "on: images are decoded as they are used, auto: if all of them take more than half of the "
        "memory, off: all of them are decoded first",
        choices=("auto", "on", "off"),
    )
    shuffle_buffer: int = setting(
        65536,
        "images in memory when they are streamed: they are shuffled in one half, while the other "
        "one is read",
        low=2,
        flag="N",
    )
    monitor_every: int = setting(500, "steps between two measurements of the encoder", low=1)
