"""Frames to text: the CTC best path (Graves et al., ICML 2006, section 3.2). Needs only NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLANK = 0


@dataclass(frozen=True)
class Decoded:
    """One text: its classes (1 and up, left to right) and how sure they are.

    `char_confidences` has one probability for each class; `confidence` is that of the whole
    path, blanks included.
    """

    classes: tuple[int, ...]
    char_confidences: tuple[float, ...]
    confidence: float


def greedy_decode(logits: np.ndarray) -> list[Decoded]:
    """Read each row of float logits [B, T, K], class 0 the blank: repeats collapse, blanks drop.

    A character is as sure as the surest frame of its run; a text is as sure as the product of
    its frames' best probabilities. Raises ValueError when the array has another rank.
    """
    if logits.ndim != 3:
        raise ValueError(f"expected logits [B, T, K], got shape {logits.shape}")
    wide = logits.astype(np.float64)
    peaks = wide.max(axis=2, keepdims=True)
    # The softmax at its own maximum.
    probabilities = 1 / np.exp(wide - peaks).sum(axis=2)
    return [_collapse(*row) for row in zip(wide.argmax(axis=2), probabilities, strict=True)]


def _collapse(path: np.ndarray, probabilities: np.ndarray) -> Decoded:
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    classes = path[starts]
    surest = np.maximum.reduceat(probabilities, starts)
    spoken = classes != BLANK
    return Decoded(
        classes=tuple(classes[spoken].tolist()),
        char_confidences=tuple(surest[spoken].tolist()),
        confidence=float(probabilities.prod()),
    )
