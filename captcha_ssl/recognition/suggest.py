"""Which images to label next: far apart in the embedding, and not read with certainty yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sweep import Progress
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import Encoder, build_encoder, standardise
from captcha_ssl.models.model_file import load_model
from captcha_ssl.models.transfer import load_encoder
from captcha_ssl.recognition.pseudo_labels import pseudo_labels
from captcha_ssl.recognition.recogniser import Recogniser

_BATCH = 256
_LEAST_UNSURE = 0.01
"""Weight of an image that is read with certainty: it may still be unlike all others."""


@dataclass(frozen=True)
class Suggestion:
    """An image by its position, how far it is from those before it, and how unsure its reading.

    `distance` lies in 0…2 (None for the first of all); `uncertainty` in 0…1 (None without a
    recogniser).
    """

    index: int
    distance: float | None
    uncertainty: float | None


class Embedder:
    """A pretrained encoder, or a recogniser, that looks at images."""

    def __init__(self, run: Path, device: torch.device) -> None:
        """Load a run directory or model file. Raises UserError when it is none."""
        card, _ = load_model(run)
        self.geometry: Geometry = card.geometry
        self.recogniser: Recogniser | None = None
        if card.kind == "recogniser":
            self.recogniser = Recogniser.load(run, device)
            self.encoder: Encoder = self.recogniser.encoder
        else:
            encoder = build_encoder(card.encoder, card.geometry.channels, card.geometry.height)
            load_encoder(encoder, run)
            self.encoder = encoder.to(device).eval()
        self.device = device

    @torch.no_grad()
    def __call__(
        self, images: np.ndarray, progress: Progress | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Unit vectors float32 `[N, D]` of uint8 `[N, C, H, W]`; uncertainty float32 `[N]`.

        A vector is the mean of the frames of an image, zero where all of them are; the
        uncertainty is 1 − the probability of the best path, and None without a recogniser. Both
        stay on the device.
        """
        vectors, unsure = [], []
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(np.array(images[start : start + _BATCH])).to(self.device)
            frames = self.encoder(standardise(batch)).float()
            vectors.append(F.normalize(frames.mean(1), dim=1))
            if self.recogniser is not None:
                logits = self.recogniser.head(frames)
                unsure.append(1 - pseudo_labels(logits).confidence)
            if progress is not None:
                progress(min(start + _BATCH, len(images)), len(images))
        return torch.cat(vectors), torch.cat(unsure) if unsure else None


def suggest(
    vectors: Tensor,
    uncertainty: Tensor | None,
    count: int,
    *,
    labelled: Sequence[int] = (),
    seed: int = 0,
) -> list[Suggestion]:
    """`count` of the unit vectors `[N, D]`, none of them `labelled`, the most useful first.

    k-means++ (Arthur & Vassilvitskii 2007): each is drawn with a probability proportional to
    its squared distance from the nearest one drawn or `labelled` before, times its uncertainty.
    Drawing, not taking the farthest, keeps a few broken images from coming first; a longer list
    of the same seed begins with a shorter one. Memory is linear in N. Raises UserError when
    fewer than `count` are left.
    """
    left = len(vectors) - len(set(labelled))
    if count > left:
        raise UserError(f"{left:,} images are not labelled yet: cannot suggest {count:,} of them")
    return list(_draw(vectors, uncertainty, count, labelled, np.random.default_rng(seed)))


def _draw(
    vectors: Tensor,
    uncertainty: Tensor | None,
    count: int,
    labelled: Sequence[int],
    rng: np.random.Generator,
) -> Iterator[Suggestion]:
    weights = vectors.new_ones(len(vectors), dtype=torch.float64)
    if uncertainty is not None:
        weights = uncertainty.double().clamp_min(_LEAST_UNSURE)
    nearest = vectors.new_full((len(vectors),), torch.inf)
    free = torch.ones_like(nearest, dtype=torch.bool)
    for index in labelled:
        _take(index, vectors, nearest, free)
    for _ in range(count):
        known = bool(torch.isfinite(nearest[0]))
        # A constant keeps copies possible, for when nothing else is left.
        scores = weights * ((nearest.double() if known else torch.ones_like(weights)) + 1e-9)
        sums = torch.cumsum(scores * free, 0)
        # On the right: an image of weight 0 is never the first to pass the number drawn.
        drawn = torch.searchsorted(sums, rng.random() * sums[-1], right=True)
        index = int(drawn.clamp_max(int(free.nonzero()[-1])))
        yield Suggestion(
            index,
            float(nearest[index].sqrt()) if known else None,
            None if uncertainty is None else float(uncertainty[index]),
        )
        _take(index, vectors, nearest, free)


def _take(index: int, vectors: Tensor, nearest: Tensor, free: Tensor) -> None:
    """Update the squared distances to the nearest vector taken, in place."""
    free[index] = False
    squared = (2 - 2 * (vectors @ vectors[index])).clamp_min(0)
    torch.minimum(nearest, squared, out=nearest)
