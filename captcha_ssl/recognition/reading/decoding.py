"""Frames to text: the CTC best path (Graves et al., ICML 2006, section 3.2). Needs only NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from captcha_ssl.models.model_card import Calibration

BLANK = 0
UNCALIBRATED = Calibration()


@dataclass(frozen=True)
class Decoded:
    """One text: its classes (1 and up, left to right) and their confidences.

    `char_confidences` has one probability for each class; `confidence` is that of the whole
    path, blanks included.
    """

    classes: tuple[int, ...]
    char_confidences: tuple[float, ...]
    confidence: float


def greedy_decode(logits: np.ndarray, calibration: Calibration = UNCALIBRATED) -> list[Decoded]:
    """Read each row of float logits [B, T, K], class 0 the blank: repeats collapse, blanks drop.

    The confidence of a character is that of the best frame of its run; the confidence of a text is
    the product of its frames' best probabilities, each with its own temperature. Raises ValueError
    when the array has another rank.
    """
    if logits.ndim != 3:
        raise ValueError(f"expected logits [B, T, K], got shape {logits.shape}")
    sure = best_probabilities(logits, calibration.character)
    texts = sure
    if calibration.text != calibration.character:
        texts = best_probabilities(logits, calibration.text)
    paths = logits.argmax(axis=2)
    return [_collapse(*row) for row in zip(paths, sure, texts.prod(axis=1), strict=True)]


def best_probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """The probability of the best class of each frame: float64 [B, T] from logits [B, T, K]."""
    wide = logits.astype(np.float64)
    below = wide - wide.max(axis=2, keepdims=True)
    # The softmax at its own maximum.
    best: np.ndarray = 1 / np.exp(below / temperature).sum(axis=2)
    return best


def _collapse(path: np.ndarray, probabilities: np.ndarray, confidence: float) -> Decoded:
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    classes = path[starts]
    surest = np.maximum.reduceat(probabilities, starts)
    spoken = classes != BLANK
    return Decoded(
        classes=tuple(classes[spoken].tolist()),
        char_confidences=tuple(surest[spoken].tolist()),
        confidence=float(confidence),
    )
