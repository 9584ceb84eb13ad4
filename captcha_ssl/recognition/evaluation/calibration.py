"""Calibration: the error of the confidences, and the temperatures that correct them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from captcha_ssl.data.images import ImageArray
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.evaluation.metrics import GAP, align
from captcha_ssl.recognition.reading.decoding import BLANK, decode_path, probabilities
from captcha_ssl.recognition.reading.text_length import read_paths
from captcha_ssl.recognition.reading.text_reader import TextReader, all_logits

BINS = 15
MOST = 3000
"""The number of images that are read; more do not improve the temperatures."""
_COLDEST, _HOTTEST = 0.2, 10.0


def expected_calibration_error(
    confidences: Sequence[float], correct: Sequence[bool], bins: int = BINS
) -> float:
    """Mean distance of confidence and accuracy over `bins` equal bins of confidence, by count.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3. 0 without any.
    """
    if not confidences:
        return 0.0
    sure, right = np.asarray(confidences, np.float64), np.asarray(correct, np.float64)
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.bincount(which, right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def correct_characters(label: str, read: str) -> list[bool]:
    """For each character of `read`, whether it is right, along a shortest edit path."""
    return [wanted == found for wanted, found in align(label, read) if found != GAP]


def fit_calibration(reader: TextReader, images: ImageArray, labels: Sequence[str]) -> Calibration:
    """The temperatures at which confidences equal the accuracy of texts and characters.

    `images` uint8 [N, C, H, W] must be held out from training; up to 3,000 of them are read. Each
    temperature minimizes the cross-entropy between confidence and being right, with Platt's
    smoothed targets (Platt 1999), so that a reader without errors does not become infinitely sure.
    """
    images, labels = images[:MOST], labels[:MOST]
    logits = all_logits(reader, images)
    paths = read_paths(logits, reader.length)
    read = [reader.charset.decode(decoded.classes) for decoded in decode_path(logits, paths)]
    texts = [label == text for label, text in zip(labels, read, strict=True)]
    characters = [
        right
        for label, text in zip(labels, read, strict=True)
        for right in correct_characters(label, text)
    ]

    starts, spoken = _runs(paths)

    def text_confidences(temperature: float) -> np.ndarray:
        return probabilities(logits, paths, temperature).prod(axis=1)

    def char_confidences(temperature: float) -> np.ndarray:
        frames = probabilities(logits, paths, temperature).ravel()
        return np.maximum.reduceat(frames, starts)[spoken]

    return Calibration(_fit(text_confidences, texts), _fit(char_confidences, characters))


def _runs(paths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The starts of runs of equal classes in concatenated paths [N, T], and which runs are read."""
    changes = np.diff(paths, axis=1, prepend=-1) != 0
    starts = np.flatnonzero(changes)
    return starts, paths.ravel()[starts] != BLANK


def _fit(confidences: Callable[[float], np.ndarray], correct: Sequence[bool]) -> float:
    """The temperature with the lowest cross-entropy, to within 2%; 1 without data."""
    if not correct:
        return 1.0
    right = np.asarray(correct, bool)
    hits = int(right.sum())
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))

    def cross_entropy(temperature: float) -> float:
        sure = np.clip(confidences(temperature), 1e-9, 1 - 1e-9)
        return float(-(target * np.log(sure) + (1 - target) * np.log1p(-sure)).mean())

    low, high = _COLDEST, _HOTTEST
    while high / low > 1.02:
        tried = np.geomspace(low, high, 7)
        best = int(np.argmin([cross_entropy(float(temperature)) for temperature in tried]))
        low, high = float(tried[max(0, best - 1)]), float(tried[min(6, best + 1)])
    return round(float(np.sqrt(low * high)), 4)
