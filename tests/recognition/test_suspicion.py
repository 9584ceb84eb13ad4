"""Which labels are called probably wrong."""

from __future__ import annotations

import pytest

from captcha_ssl.recognition.evaluation.suspicion import suspects, wrong_label_probability
from captcha_ssl.recognition.reading.text_reader import Reading


def reading(text: str, confidence: float) -> Reading:
    return Reading(text, confidence, (confidence,) * len(text))


def test_the_probability_is_that_of_bayes_rule() -> None:
    # Of 10,000 images 100 have wrong labels. A reading that is right in 95% of cases then
    # contradicts 95 of these and 495 (of 9,900) that are labeled right: 9,900 · 5%.
    assert wrong_label_probability(0.95, prior=0.01 / 0.99) == pytest.approx(
        95 / (95 + 495), rel=0.02
    )


def test_it_rises_with_the_confidence_and_ends_at_certainty() -> None:
    found = [wrong_label_probability(c) for c in (0.0, 0.5, 0.9, 0.99, 0.999, 1.0)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0.0, 1.0)


def test_only_sure_readings_that_differ_make_a_label_suspicious() -> None:
    labels = ["12", "34", "56", "78", "90"]
    read = [
        reading("12", 1.0),
        reading("35", 0.999),
        reading("57", 0.7),
        reading("", 1.0),
        reading("9", 0.9999),
    ]
    assert [(s.position, s.label, s.reading) for s in suspects(labels, read)] == [
        (4, "90", "9"),
        (1, "34", "35"),
    ]
