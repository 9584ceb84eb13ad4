"""Labels that are probably wrong: a recognizer finds them improbable and reads another text.

The recognizer must not have trained on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from captcha_ssl.data.charset import Charset
from captcha_ssl.recognition.evaluation.metrics import edit_distance, exact_match
from captcha_ssl.recognition.evaluation.text_probability import text_log_probabilities
from captcha_ssl.recognition.reading.decoding import best_probabilities
from captcha_ssl.recognition.reading.text_reader import Reading, to_readings

WRONG_LABELS = 0.01
"""The prior share of wrong labels."""
_PRIOR_LABELS = 100
"""The number of labels that this prior counts for where the share is estimated."""
GOOD_ENOUGH = 0.5
"""The share of labels that a recognizer must read to accuse any."""
_READ = 0.1
"""The least confidence of a reading that accuses a label: one that is itself improbable says
nothing, as on images of a kind that the recognizer does not know."""
_OTHER_TEXT = 1e-4
"""The probability that a wrong label is this one, a text that has little to do with the image."""
_LEAST = 1e-100
_MOST = 1000
"""The number of labels for the estimates; more do not improve them."""


@dataclass(frozen=True)
class Suspect:
    """A label that is more likely wrong than right.

    `position` is that in the evaluated images, `confidence` that of the reading, `probability` in
    0…1 that of a wrong label.
    """

    position: int
    label: str
    reading: str
    confidence: float
    probability: float


def label_log_probabilities(
    logits: np.ndarray, labels: Sequence[str], charset: Charset, temperature: float
) -> np.ndarray:
    """What a recognizer thinks of labels, float64 [N], from logits [N, T, K].

    NaN for a label with characters that it does not know: of such a label it knows nothing.
    """
    known = [not charset.unknown(label) for label in labels]
    texts = [charset.encode(label) if k else [] for label, k in zip(labels, known, strict=True)]
    return np.where(known, text_log_probabilities(logits, texts, temperature), np.nan)


def wrong_label_probabilities(
    labels: Sequence[str],
    readings: Sequence[Reading],
    log_probabilities: np.ndarray,
    characters: int,
    prior: float = WRONG_LABELS,
    length: int | None = None,
) -> np.ndarray:
    """The probability that each label is wrong, float64 [N] in 0…1.

    `log_probabilities` [N] are those of the labels as texts of the images. By Bayes' rule a label
    is wrong with εq / (εq + (1 − ε)p): ε is the `prior` share of wrong labels, p the probability of
    the label as the text of its image, and q the probability that a wrong label of this image is
    this one. For q the text of the image is taken to be the reading, with its confidence, and each
    error to be one of as many as there are places and `characters`. 0 where the reading equals the
    label, is empty or has a confidence below 0.1, and where nothing is known of the label. Where
    the texts are known to have a `length`, a reading of another one is rather a misreading, and
    accuses no label of that length.
    """
    confidences = np.array([reading.confidence for reading in readings])
    wrong = prior * confidences * _probabilities_if_wrong(labels, readings, characters)
    right = (1 - prior) * np.exp(np.nan_to_num(log_probabilities, nan=0.0))
    found: np.ndarray = wrong / np.maximum(wrong + right, np.finfo(float).tiny)
    silent = np.isnan(log_probabilities) | (confidences < _READ)
    if length is not None:
        lengths = [(len(label), len(r.text)) for label, r in zip(labels, readings, strict=True)]
        silent |= np.array([own == length != read for own, read in lengths], dtype=bool)
    return np.where(silent, 0.0, found)


def fit_wrong_labels(
    logits: np.ndarray, labels: Sequence[str], charset: Charset
) -> tuple[float, float]:
    """The temperature of `logits` [N, T, K] and the share ε of wrong labels, fitted together.

    To calibrate alone would take every wrong label for a misreading, and make sure readings unsure.
    Both maximize the likelihood of the labels, (1 − ε)p + εq for each (see
    `wrong_label_probabilities`), with a prior on ε worth 100 labels of which one is wrong, and
    one on the temperature, within a factor of two of 1. The recognizers must not have trained
    on these labels, and know all their characters.
    """
    logits, labels = logits[:_MOST], labels[:_MOST]
    readings = to_readings(logits, charset)
    if_wrong = _probabilities_if_wrong(labels, readings, len(charset))
    shares = np.geomspace(0.002, 0.3, 60)
    prior = _PRIOR_LABELS * (WRONG_LABELS * np.log(shares) + (1 - WRONG_LABELS) * np.log1p(-shares))
    best = (-np.inf, 1.0, WRONG_LABELS)
    for temperature in np.geomspace(0.3, 4.0, 24).tolist():
        right = np.exp(label_log_probabilities(logits, labels, charset, temperature))
        wrong = best_probabilities(logits, temperature).prod(axis=1) * if_wrong
        terms = np.log((1 - shares[:, None]) * right + shares[:, None] * wrong + _LEAST)
        likelihood = terms.sum(axis=1) + prior - (np.log(temperature) / np.log(2)) ** 2 / 2
        place = int(likelihood.argmax())
        if likelihood[place] > best[0]:
            best = (float(likelihood[place]), temperature, float(shares[place]))
    return best[1], best[2]


def _probabilities_if_wrong(
    labels: Sequence[str], readings: Sequence[Reading], characters: int
) -> np.ndarray:
    """The probability of each label if it is wrong and the reading right, float64 [N]."""
    found = np.zeros(len(labels))
    for place, (label, reading) in enumerate(zip(labels, readings, strict=True)):
        if reading.text and reading.text != label:
            one_error = 1 / (len(reading.text) * max(characters - 1, 1))
            errors = edit_distance(label, reading.text)
            found[place] = max(one_error**errors, _OTHER_TEXT)
    return found


def suspects(
    labels: Sequence[str], readings: Sequence[Reading], probabilities: np.ndarray
) -> list[Suspect]:
    """The labels that are probably wrong, the most suspicious first.

    `probabilities` [N] are those that each label is wrong. A recognizer that reads less than half
    of the labels is not good enough to accuse any.
    """
    if exact_match(labels, [reading.text for reading in readings]) < GOOD_ENOUGH:
        return []
    likely = [
        Suspect(i, label, r.text, r.confidence, probability)
        for i, (label, r, probability) in enumerate(
            zip(labels, readings, probabilities.tolist(), strict=True)
        )
        if probability > 0.5
    ]
    return sorted(likely, key=lambda suspect: -suspect.probability)
