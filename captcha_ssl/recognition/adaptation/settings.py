"""Settings of an adaptation. Light to import: the command line reads them for its help."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.settings import Settings, setting

SURE = 0.9
"""The least confidence of a text that is taken as a label, unless another one is asked for."""


class AdaptSettings(Settings):
    """Which texts become labels, and how long they are learned."""

    title: ClassVar[str] = "Adapting"

    init_from: Path = setting(
        Path(SHIPPED), "the recognizer that reads first: a run, a model file or shipped", flag="RUN"
    )
    steps: int = setting(400, "steps of training", low=1, flag="N")
    sure: float = setting(
        SURE, "least confidence of a text that becomes a label", low=0.0, high=1.0, flag="P"
    )
    read: int = setting(
        4000, "images, spread over all of them, whose texts are read to become labels", low=20
    )
    head_lr: float = setting(5e-3, "peak learning rate of the CTC head", low=0.0)
