"""Sizes of experiments, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.errors import UserError

CRITIC = (
    "scratch",
    "scratch-strong",
    "scratch-long",
    "scratch-self-training",
    "random-frozen",
    "synthetic",
    "pretrained",
    "pretrained-frozen",
    "pretrained-self-training",
)
"""Every control that a critical reader would ask for."""

DISTINCT = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O: they look like 1 and 0, so every arm can only guess."""

RECIPES = ("ramp=0.3", "ramp=0.05:pile_ratio=3:finetune_batch_size=16")
"""In trials, self-training from scratch was best with a long ramp and half of the images of a step
labeled, and from a pretrained encoder with a short ramp and a quarter labeled. Every arm tries
both.
"""

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {},
    "standard": {
        # More rows would take more than its hour on two cores (docs/results/rows.md).
        "height": 32,
        "unlabeled": 200_000,
        "charset": DISTINCT,
        "unseen_style": "fast",
        "test": 5_000,
        "label_counts": (100, 500, 2500),
        "seeds": 5,
        "pretrain_steps": 30_000,
        "finetune_steps": 1500,
        "lr_grid": (3e-3, 6e-3),
        "recipes": RECIPES,
        "arms": (
            "scratch",
            "scratch-self-training@100@500",
            "pretrained",
            "pretrained-self-training@100@500",
        ),
    },
    "paper": {
        "height": 32,
        "unlabeled": 860_000,
        "charset": DISTINCT,
        # The arm synthetic learns from the style fast.
        "unseen_style": "plain",
        "test": 10_000,
        "label_counts": (100, 300, 1000, 3000, 10_000),
        "seeds": 5,
        "pretrain_steps": 20_000,
        "pretrain_batch_size": 256,
        "finetune_steps": 4000,
        "lr_grid": (1e-3, 3e-3, 6e-3),
        "head_lr_grid": (3e-3, 1e-2, 3e-2),
        "recipes": RECIPES,
        "arms": CRITIC,
    },
}
"""Values that replace defaults; a key may belong to any settings class."""


def arms_at(counts: Sequence[int], arms: Sequence[str]) -> tuple[str, ...]:
    """The arms of a preset for the user's label counts.

    A preset measures some arms only at some of its counts, to save time. If the user gives other
    counts, these arms are measured at all of them.
    """
    limits = {int(count) for arm in arms for count in arm.split("@")[1:]}
    if limits <= set(counts):
        return tuple(arms)
    return tuple(arm.partition("@")[0] for arm in arms)


def preset_values(name: str) -> dict[str, Any]:
    """The values of a preset. Raises UserError with the nearest known name."""
    if name not in PRESETS:
        raise UserError(f"preset {name!r} is not known; {did_you_mean(name, PRESETS)}")
    return PRESETS[name]
