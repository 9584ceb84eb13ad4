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
    """Read each row of float logits [B, T, K], class 0 the blank, by its best path.

    Raises ValueError when the array has another rank.
    """
    return decode_path(logits, best_paths(logits), calibration)


def best_paths(logits: np.ndarray) -> np.ndarray:
    """The best class of each frame, int64 [B, T]. Raises ValueError for no logits [B, T, K]."""
    if logits.ndim != 3:
        raise ValueError(f"expected logits [B, T, K], got shape {logits.shape}")
    return logits.argmax(axis=2)


def decode_path(
    logits: np.ndarray, paths: np.ndarray, calibration: Calibration = UNCALIBRATED
) -> list[Decoded]:
    """The texts of `paths`, classes [B, T]: repeats collapse, blanks drop.

    The confidence of a character is that of the best frame of its run; the confidence of a text is
    the product of its frames' probabilities, each with its own temperature.
    """
    sure = probabilities(logits, paths, calibration.character)
    texts = sure
    if calibration.text != calibration.character:
        texts = probabilities(logits, paths, calibration.text)
    return [_collapse(*row) for row in zip(paths, sure, texts.prod(axis=1), strict=True)]


def probabilities(logits: np.ndarray, paths: np.ndarray, temperature: float) -> np.ndarray:
    """The probability of each frame's class: float64 [B, T] from logits [B, T, K]."""
    wide = logits.astype(np.float64)
    of_path = np.take_along_axis(wide, paths[..., None], 2)
    found: np.ndarray = 1 / np.exp((wide - of_path) / temperature).sum(axis=2)
    return found


def best_probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """The probability of the best class of each frame: float64 [B, T] from logits [B, T, K]."""
    return probabilities(logits, logits.argmax(axis=2), temperature)


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
