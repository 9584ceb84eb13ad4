"""A loss that leads off the CTC plateau: at first it assumes evenly spaced characters.

With CTC the network must find the characters by itself, and with few labels this may take more
than a thousand steps. Given their rough places, it soon reads something; then this loss fades, and
CTC does the rest.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.models.ranks import mean_of_ranks, world_size
from captcha_ssl.models.task import Progress

_MOST = 0.3
"""The largest share of the training in which this loss is used.

A few hundred steps are enough to leave the plateau. With many more, a recognizer with few labels
memorizes the images: each frame has a target of its own and need not agree with its neighbors.
"""
_SHARPEST = 1.0
"""Image deviations at which an edge is cut, so that a strong line counts no more than text."""
_EMPTY = 0.1
"""The share of the columns that are assumed to show no text."""
_LEAST = 0.02
"""The least ink of a column, as a share of the mean."""
_MIDDLE = 0.3
"""How far a frame may be from the middle of its character, as a share of the character's width."""


def even_alignment(logits: Tensor, classes: Tensor, lengths: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy of the frames that would show a character if all had as much ink.

    `logits` `[B, T, K]`, `classes` int64 `[B, L]` padded with 0, `lengths` int64 `[B]` of 1 and
    more. `shares` float `[B, T]` in 0…1 says how much of the text lies left of the middle of
    frame t; (t + ½)/T if all characters are equally wide. Frames in the middle of a character
    count, the others may be anything. Mean over the frames of all ranks; float32 inside.
    """
    places = shares * lengths.to(logits.device)[:, None]
    which = places.long().minimum(lengths.to(logits.device)[:, None] - 1)
    inside = (places - places.floor() - 0.5).abs() < _MIDDLE
    losses = F.cross_entropy(logits.float().mT, classes.gather(1, which), reduction="none")
    # Weights instead of indexing: Python never waits for the number of frames.
    return (losses * inside).sum() / mean_of_ranks(inside.sum()).clamp_min(1 / world_size())


@torch.no_grad()
def ink_left_of(pixels: Tensor, frames: int) -> Tensor:
    """The share of the text that lies left of the middle of every frame, `[B, T]` in 0…1.

    `pixels` are standardized images `[B, C, H, W]`. Ink is the sum of
    differences between neighboring pixels in a column, minus that of the emptiest columns: a line
    across and noise also cover the margins. So characters may be anywhere in the picture.
    """
    x = pixels.float()
    down = (x[..., 1:, :] - x[..., :-1, :]).abs().clamp_max(_SHARPEST).mean((1, 2))
    columns = F.adaptive_avg_pool1d(down[:, None], frames)[:, 0]
    floor = columns.quantile(_EMPTY, dim=1, keepdim=True)
    ink = (columns - floor).clamp_min(0) + _LEAST * columns.mean(1, keepdim=True) + 1e-6
    return (ink.cumsum(1) - ink / 2) / ink.sum(1, keepdim=True)


def faded_after(asked: int, steps: int) -> int:
    """The step of `steps` from which on nothing is left of it: `asked`, or earlier; at least 1."""
    return max(1, min(asked, int(_MOST * steps)))


def alignment_weight(weight: float, progress: Progress, faded: float) -> Progress:
    """`weight` at first, falling evenly to 0 at the share `faded` of the training."""
    if not weight:
        return 0.0
    left = 1 - progress / faded
    return weight * (left.clamp_min(0) if isinstance(left, Tensor) else max(0.0, left))
