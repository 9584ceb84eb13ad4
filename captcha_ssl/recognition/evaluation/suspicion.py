"""Labels that are probably wrong, because a confident recognizer reads another text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captcha_ssl.recognition.reading.text_reader import Reading

WRONG_LABELS = 0.01
"""The prior share of wrong labels."""


@dataclass(frozen=True)
class Suspect:
    """A label that is more likely wrong than the reading that differs from it.

    `position` is that in the evaluated images, `probability` in 0…1 that of a wrong label.
    """

    position: int
    label: str
    reading: str
    confidence: float
    probability: float


def wrong_label_probability(confidence: float, prior: float = WRONG_LABELS) -> float:
    """The probability that a label is wrong, given that the reading differs from it.

    Either the label is wrong and the reading right, or the reading is wrong. By Bayes' rule it is
    cε / (cε + 1 − c) with c the calibrated `confidence` of the text and ε the `prior`, both
    in 0…1. The recognizer must not have trained on the label.
    """
    wrong_label = confidence * prior
    total = wrong_label + (1 - confidence)
    return wrong_label / total if total else 1.0


def suspects(labels: Sequence[str], readings: Sequence[Reading]) -> list[Suspect]:
    """The labels that are probably wrong, the most suspicious first.

    An empty reading accuses no label.
    """
    found = [
        Suspect(i, label, r.text, r.confidence, wrong_label_probability(r.confidence))
        for i, (label, r) in enumerate(zip(labels, readings, strict=True))
        if r.text and r.text != label
    ]
    likely = [suspect for suspect in found if suspect.probability > 0.5]
    return sorted(likely, key=lambda suspect: -suspect.probability)
