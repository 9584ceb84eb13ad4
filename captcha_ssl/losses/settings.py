"""Settings of the losses. Light to import: the command line reads them for its help."""

from __future__ import annotations

from typing import ClassVar

from captcha_ssl.settings import Settings, setting

LOSS_NAMES = ("infonce", "contrastive", "triplet", "n-pair")
"""The losses of `registry.LOSSES`, which needs torch."""
MINING_NAMES = ("random", "semi-hard", "hard")


class LossSettings(Settings):
    """The loss between two views."""

    title: ClassVar[str] = "Loss"

    loss: str = setting("infonce", "loss between the two views", choices=LOSS_NAMES, flag="NAME")
    temperature: float = setting(0.1, "temperature τ (infonce)", low=0.001)
    margin: float | None = setting(
        None, "margin; none: √2 for contrastive, 0.2 for triplet", low=0.0
    )
    mining: str = setting(
        "semi-hard", "which negative a triplet takes (triplet)", choices=MINING_NAMES
    )
    l2: float = setting(0.002, "weight λ of the squared lengths (n-pair)", low=0.0)
