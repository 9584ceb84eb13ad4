"""A push off the CTC plateau: at first the characters are taken to stand evenly.

CTC lets a network find out by itself where the characters are, and with few labels it may not for
a thousand steps. Told a rough place it reads something, and CTC does the rest once that has faded.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.models.task import Progress

_MOST = 0.3
"""The share of the training after which nothing is left of it, whatever was asked for.

Some hundred steps lead off the plateau. Over many more, a recognizer with few labels learns the
images by heart: frames are told what they are, and need not agree with their neighbors.
"""
_MIDDLE = 0.3
"""How far from the middle of a character's stretch, in stretches, a frame still stands for it."""


def even_alignment(logits: Tensor, classes: Tensor, lengths: Tensor) -> Tensor:
    """Cross-entropy of the frames that would show a character if all were equally wide.

    `logits` `[B, T, K]`, `classes` int64 `[B, L]` padded with 0, `lengths` int64 `[B]` of 1 and
    more. Frame t of T stands at (t + ½)/T · length in the text; those in the middle of a
    character count, the others may be anything. Mean over the frames; float32 inside.
    """
    frames = logits.shape[1]
    middles = (torch.arange(frames, device=logits.device) + 0.5) / frames
    places = middles * lengths.to(logits.device)[:, None]
    which = places.long().minimum(lengths.to(logits.device)[:, None] - 1)
    inside = (places - places.floor() - 0.5).abs() < _MIDDLE
    losses = F.cross_entropy(logits.float().mT, classes.gather(1, which), reduction="none")
    # By weights: how many frames count, Python never asks the device.
    return (losses * inside).sum() / inside.sum().clamp_min(1)


def faded_after(asked: int, steps: int) -> int:
    """The step of `steps` from which on nothing is left of it: `asked`, or earlier; at least 1."""
    return max(1, min(asked, int(_MOST * steps)))


def alignment_weight(weight: float, progress: Progress, faded: float) -> Progress:
    """`weight` at first, falling evenly to 0 at the share `faded` of the training."""
    if not weight:
        return 0.0
    left = 1 - progress / faded
    return weight * (left.clamp_min(0) if isinstance(left, Tensor) else max(0.0, left))
