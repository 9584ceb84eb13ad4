"""The arms of a benchmark: the ways to get a recognizer that it compares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from captcha_ssl.models.shipped import SHIPPED


@dataclass(frozen=True)
class Arm:
    """One way to get a recognizer.

    `method` names the variant of the pretraining (None: no pretraining). `strong` fine-tunes on
    strong views, `self_training` on the pool without its labels too. `match_compute`
    lengthens the fine-tuning until it takes as long as the most expensive pretraining and a
    fine-tuning together. `only_at` are the label counts of the arm (none: all).
    """

    name: str
    method: str | None = None
    freeze: bool = False
    strong: bool = False
    self_training: bool = False
    match_compute: bool = False
    only_at: tuple[int, ...] = ()

    @property
    def folder(self) -> str:
        """The name as it appears in file names."""
        return file_name(self.name)


SYNTHETIC = "synthetic"
"""Instead of a method: pretrained on the labels of rendered images in another style."""

ADAPTED = "adapted"
"""Instead of a method: the shipped model, trained on what it reads surely in the pool."""

FROM_SHIPPED = "-from-shipped"
"""Suffix of a method that starts from the encoder of the shipped model."""

ON_OWN_IMAGES = (
    "scratch",
    "scratch-self-training",
    "shipped",
    "shipped-self-training",
    "pretrained",
    "pretrained-self-training",
    "pretrained-from-shipped",
    "pretrained-from-shipped-self-training",
)
"""The arms on a user's images: the four starts, each with and without self-training."""

CONTROLS = (
    Arm("scratch"),
    Arm("scratch-strong", strong=True),
    Arm("scratch-long", match_compute=True),
    Arm("scratch-self-training", self_training=True),
    Arm("random-frozen", freeze=True),
)


def file_name(variant: str) -> str:
    """The name of a variant or arm without the characters that some file systems refuse."""
    return re.sub(r"[^\w.+-]", "-", variant)


def compute_models(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms whose compute a `match_compute` arm gets: pretrained, with the same fine-tuning."""
    plain = [arm for arm in arms if is_method(arm.method)]
    return tuple(arm for arm in plain if replace(arm, only_at=()) == Arm(arm.name, arm.method))


def pretrained_methods(arms: Sequence[Arm]) -> list[str]:
    """The methods of the arms, each once."""
    return list(dict.fromkeys(arm.method for arm in arms if arm.method))


def is_method(name: str | None) -> bool:
    """Whether the name is that of a pretraining on the pool, which uses no labels."""
    return name not in (None, SYNTHETIC, SHIPPED)


def starts_from_shipped(name: str | None) -> bool:
    """Whether an arm's encoder is that of the shipped model or starts from it."""
    return name is not None and (name in (SHIPPED, ADAPTED) or name.endswith(FROM_SHIPPED))


def counterpart(arm: Arm, arms: Sequence[Arm]) -> Arm | None:
    """The arm that is fine-tuned like `arm`, without its pretraining; None if there is none.

    That of a pretraining that starts from the shipped model is the shipped model, if it is among
    `arms`.
    """
    plain: list[str | None] = [None]
    if is_method(arm.method) and starts_from_shipped(arm.method):
        plain.insert(0, SHIPPED)
    alike = (
        other
        for method in plain
        for other in arms
        if other == replace(arm, name=other.name, method=method, only_at=other.only_at)
    )
    return next(alike, None)


def arms_of(methods: Sequence[str]) -> list[Arm]:
    """The arms that each of these sources of an encoder has."""
    return [
        arm
        for method in methods
        for arm in (
            Arm(method, method),
            Arm(f"{method}-strong", method, strong=True),
            Arm(f"{method}-self-training", method, self_training=True),
            Arm(f"{method}-frozen", method, freeze=True),
        )
    ]
