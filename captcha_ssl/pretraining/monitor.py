"""Figures of an encoder, measured regularly during pretraining."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.mapped import pick
from captcha_ssl.models.batch_statistics import with_batch_statistics
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.pretraining.embedding import (
    alignment,
    deviation,
    effective_rank,
    place_accuracy,
    uniformity,
)
from captcha_ssl.training.batches import spread_indices
from captcha_ssl.views.settings import gentle_views
from captcha_ssl.views.view import random_view

SAMPLE = 384
"""The number of images in the sample, from all parts of the pile."""
WINDOW = 4
"""Adjacent frames whose place a linear layer has to predict."""
_ROWS = 2048
"""The number of frames behind the figures of single frames."""

MONITORED = frozenset(
    ("deviation", "effective_rank", "alignment", "uniformity", "place_accuracy", "place_chance")
)
"""The figures of every measurement."""

Probe = Callable[[Encoder], dict[str, float]]


class Monitor:
    """Figures of an encoder on a fixed sample of images, the same for equal weights.

    Batch normalization uses the statistics of the sample, not those of the training. The encoder
    and torch's random generator stay unchanged.
    """

    def __init__(
        self, images: ImageArray, device: torch.device, probe: Probe | None = None
    ) -> None:
        chosen = spread_indices(len(images), SAMPLE)
        self.images = torch.from_numpy(pick(images, chosen.numpy())).to(device)
        self.probe = probe

    def __call__(self, encoder: Encoder) -> dict[str, float]:
        """deviation, effective_rank, alignment, uniformity, place_accuracy, place_chance."""
        devices = [self.images.device] if self.images.device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(devices):
            torch.manual_seed(0)
            look = with_batch_statistics(encoder, self.images)
            pixels = standardize(self.images)
            frames = look(pixels)
            views = [look(random_view(pixels, gentle_views())) for _ in range(2)]
            figures = self._figures(frames, *views)
            return figures | (self.probe(look) if self.probe else {})

    def _figures(self, frames: Tensor, one: Tensor, other: Tensor) -> dict[str, float]:
        flat, a, b = (part.flatten(0, 1) for part in (frames, one, other))
        rows = torch.randperm(len(flat), device=flat.device)[:_ROWS]
        places = max(1, frames.shape[1] // WINDOW)
        windows = (
            frames[:, : places * WINDOW].reshape(len(frames), places, -1, frames.shape[2]).mean(2)
        )
        return {
            "deviation": deviation(flat[rows]),
            "effective_rank": effective_rank(flat[rows]),
            "alignment": alignment(a[rows], b[rows]),
            "uniformity": uniformity(a[rows]),
            "place_accuracy": place_accuracy(windows),
            "place_chance": 1 / places,
        }


def findings(figures: Mapping[str, float], width: int, instances: str | None = None) -> list[str]:
    """Warnings from the figures of an encoder with frames of `width` numbers, in words.

    `instances` is the instance map of the method, None if it has none. Raises KeyError when one of
    `MONITORED` is missing.
    """
    for missing in sorted(MONITORED - figures.keys()):
        raise KeyError(missing)
    found = []
    rank, apart = figures["effective_rank"], figures["deviation"]
    if apart < 0.05 or rank < 2:
        found.append(
            f"collapse: all frames look the same (deviation {apart:.3f} of 1, effective rank "
            f"{rank:.1f} of {width}); lower lr, use larger batches or another method"
        )
    elif rank < width / 16:
        found.append(
            f"partial collapse: the frames use {rank:.1f} of {width} dimensions; train longer, "
            "lower lr or use another method"
        )
    told, chance = figures["place_accuracy"], figures["place_chance"]
    if told > 0.9 > 2 * chance:
        found.append(
            f"shortcut: a linear layer predicts the place of a window in {told:.0%} (chance "
            f"{chance:.0%}), so the encoder may have learned places instead of strokes; "
            f"{_against_places(instances)}"
        )
    return found


def _against_places(instances: str | None) -> str:
    if instances is None:
        return "--method simclr learns from crops, which hide them"
    if instances != "crop":
        return "use --instances crop"
    return (
        "crops already hide places, so the images themselves reveal them, for example by a "
        "constant background; judge the encoder with --probe DATA"
    )


def summary(figures: Mapping[str, float]) -> str:
    """The figures of an encoder in one line."""
    text = (
        f"encoder: effective rank {figures['effective_rank']:.1f}, "
        f"deviation {figures['deviation']:.2f}, alignment {figures['alignment']:.2f}, "
        f"uniformity {figures['uniformity']:.2f}, predicts a window's place in "
        f"{figures['place_accuracy']:.0%} (chance {figures['place_chance']:.0%})"
    )
    if "probe_cer" in figures:
        text += (
            f"; frozen, it reads {figures['probe_exact_match']:.1%} "
            f"(CER {figures['probe_cer']:.1%})"
        )
    return text
