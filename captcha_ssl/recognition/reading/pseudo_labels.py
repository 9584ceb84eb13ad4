"""A recognizer's readings as labels for CTC, computed for a whole batch on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from captcha_ssl.recognition.reading.decoding import BLANK
from captcha_ssl.recognition.reading.known_length import best_path


@dataclass(frozen=True)
class PseudoLabels:
    """Classes int64 `[B, T]` padded with 0, lengths int64 `[B]`, confidence float32 `[B]`."""

    classes: Tensor
    lengths: Tensor
    confidence: Tensor

    def believed(self, threshold: float) -> Tensor:
        """Whether the confidence of each text is high enough, bool `[B]`.

        An empty text is never believed: a recognizer on the CTC plateau is sure of nothing else,
        and would teach itself to stay there.
        """
        return (self.confidence >= threshold) & (self.lengths > 0)


@torch.no_grad()
def pseudo_labels(
    logits: Tensor, length: int | None = None, allowed: Tensor | None = None
) -> PseudoLabels:
    """The best path of each row of `[B, T, K]`, class 0 the blank: repeats collapse, blanks drop.

    The same reading and confidence (the product of the probabilities on the path) as
    `greedy_decode` gives on the host (Graves et al., ICML 2006, section 3.2); with a `length` the
    best of the paths that read so many characters, of the classes that are `allowed` at each place.
    """
    found = logits.float().log_softmax(-1)
    if length is None:
        best, path = found.max(-1)
        total = best.sum(1)
    else:
        path, total = best_path(found, length, allowed)
    starts = torch.ones_like(path, dtype=torch.bool)
    starts[:, 1:] = path[:, 1:] != path[:, :-1]
    spoken = starts & (path != BLANK)
    # Stable: the spoken frames come first, in their order.
    order = torch.argsort(spoken, dim=1, descending=True, stable=True)
    classes = torch.where(spoken, path, BLANK).gather(1, order)
    return PseudoLabels(classes, spoken.sum(1), total.exp())
