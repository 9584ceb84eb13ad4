"""Settings of self-training (torch-free, so that a typo is answered at once)."""

from __future__ import annotations

from dataclasses import dataclass

from captcha_ssl.settings import setting


@dataclass(frozen=True)
class SelfTrainingSettings:
    """How a recognizer goes on to learn from images that nobody has labeled."""

    pile_ratio: float = setting(1.0, "unlabeled images for each labeled one of a step", low=0.01)
    pile_weight: float = setting(1.0, "weight of their loss, once it has risen", low=0.0)
    confidence: float = setting(
        0.3, "probability from which on what the teacher reads is believed", low=0.0, high=1.0
    )
    ramp: float = setting(0.3, "share of the steps in which the weight rises", low=0.0, high=1.0)
    teacher_window: float = setting(
        0.05, "share of the steps so far that the teacher averages over", low=0.0, high=1.0
    )
