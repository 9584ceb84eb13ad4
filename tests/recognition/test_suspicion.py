"""Which labels are called probably wrong."""

from __future__ import annotations

import numpy as np
import pytest

from captcha_ssl.data.charset import Charset
from captcha_ssl.recognition.evaluation.suspicion import (
    fit_wrong_labels,
    label_log_probabilities,
    suspects,
    wrong_label_probabilities,
)
from captcha_ssl.recognition.reading.text_reader import Reading, to_readings

DIGITS = Charset("0123456789")


def reading(text: str, confidence: float) -> Reading:
    return Reading(text, confidence, (confidence,) * len(text))


def probability(label: str, read: str, confidence: float, of_label: float) -> float:
    known = np.log([of_label])
    return float(wrong_label_probabilities([label], [reading(read, confidence)], known, 11)[0])


def test_the_probability_is_that_of_bayes_rule() -> None:
    # One label of a hundred is wrong, this one as one of 2 · 10 with a wrong character.
    wrong, right = 0.01 * 0.9 / 20, 0.99 * 0.001
    assert probability("12", "13", 0.9, 0.001) == pytest.approx(wrong / (wrong + right))


def test_it_falls_with_the_probability_of_the_label() -> None:
    found = [probability("12", "13", 0.6, p) for p in (1e-9, 1e-5, 1e-3, 0.4)]
    assert found == sorted(found, reverse=True)
    # An unsure reading accuses a label that the image does not show at all.
    assert found[0] > 0.99 and found[-1] < 0.01


def test_a_label_of_another_image_is_improbable_enough() -> None:
    assert probability("1234", "9876", 0.9, 1e-25) > 0.99


def test_no_label_is_accused_by_its_own_or_an_empty_reading_or_for_unknown_characters() -> None:
    assert probability("12", "12", 0.9, 1e-30) == 0
    assert probability("12", "", 0.9, 1e-30) == 0
    known = label_log_probabilities(np.zeros((1, 5, 11), np.float32), ["1A"], DIGITS, 1.0)
    assert np.isnan(known).all()
    assert wrong_label_probabilities(["1A"], [reading("12", 0.9)], known, 10).tolist() == [0]


def test_of_texts_of_a_known_length_a_reading_of_another_one_accuses_only_labels_of_another() -> (
    None
):
    labels, known = ["1234", "1234", "12345"], np.log([1e-20] * 3)
    read = [reading(text, 0.9) for text in ("56", "5634", "1234")]
    found = wrong_label_probabilities(labels, read, known, 10, length=4)
    assert (found > 0.5).tolist() == [False, True, True]
    assert wrong_label_probabilities(labels, read, known, 10)[0] > 0.5


def test_the_most_suspicious_label_comes_first() -> None:
    labels = ["12", "34", "56", "78", "90", "11"]
    read = [reading(text, 0.9) for text in ("12", "35", "57", "78", "9", "11")]
    found = suspects(labels, read, np.array([0, 0.6, 0.4, 0, 0.9, 0]))
    assert [(s.position, s.label, s.reading) for s in found] == [(4, "90", "9"), (1, "34", "35")]


def test_a_recognizer_that_reads_less_than_half_accuses_no_label() -> None:
    labels, read = ["12", "34", "56"], [reading(text, 0.9) for text in ("12", "35", "57")]
    assert suspects(labels, read, np.array([0, 0.9, 0.9])) == []


def spelled(texts: list[str], sureness: float) -> np.ndarray:
    """Logits of a recognizer that reads `texts`, each of four digits."""
    logits = np.zeros((len(texts), 9, 11), np.float32)
    for row, text in zip(logits, texts, strict=True):
        row[::2, 0] = sureness
        for place, character in enumerate(text):
            row[2 * place + 1, DIGITS.encode(character)[0]] = sureness
    return logits


def test_the_share_of_wrong_labels_is_estimated_and_they_are_found() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("0123456789"), 4)) for _ in range(300)]
    labels = [str(9 - int(t[0])) + t[1:] if i % 10 == 0 else t for i, t in enumerate(texts)]
    logits = spelled(texts, 9.0)
    temperature, share = fit_wrong_labels(logits, labels, DIGITS)
    assert share == pytest.approx(30 / 300, abs=0.04)
    readings = to_readings(logits, DIGITS)
    known = label_log_probabilities(logits, labels, DIGITS, temperature)
    found = suspects(labels, readings, wrong_label_probabilities(labels, readings, known, 10))
    assert {s.position for s in found} == {*range(0, 300, 10)}


def test_without_wrong_labels_none_is_found() -> None:
    texts = [f"{number:04}" for number in range(100)]
    temperature, share = fit_wrong_labels(spelled(texts, 5.0), texts, DIGITS)
    assert share < 0.01 and temperature < 1


def test_a_reading_that_is_itself_improbable_accuses_no_label() -> None:
    assert probability("1234", "9876", 0.002, 1e-25) == 0
