"""The probability of a text is that of all its paths."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest

from captcha_ssl.recognition.evaluation.text_probability import text_log_probabilities

FRAMES, CLASSES = 4, 3


def paths() -> list[tuple[int, ...]]:
    return list(product(range(CLASSES), repeat=FRAMES))


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(k for k, _ in groupby(path) if k)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_it_is_the_sum_over_all_paths_that_collapse_to_the_text(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 2, (1, FRAMES, CLASSES)).astype(np.float32)
    exact = np.exp(logits[0].astype(np.float64) / temperature)
    exact /= exact.sum(axis=1, keepdims=True)
    wanted: dict[tuple[int, ...], float] = {}
    for path in paths():
        probability = float(np.prod([exact[t, k] for t, k in enumerate(path)]))
        wanted[collapsed(path)] = wanted.get(collapsed(path), 0.0) + probability
    texts = [*wanted]
    found = text_log_probabilities(np.repeat(logits, len(texts), 0), texts, temperature)
    assert np.exp(found) == pytest.approx([*wanted.values()])
    assert np.exp(found).sum() == pytest.approx(1.0)


def test_a_text_that_does_not_fit_has_none() -> None:
    logits = np.zeros((2, FRAMES, CLASSES), np.float32)
    # Two equal characters need a blank between them.
    assert text_log_probabilities(logits, [[1, 2, 1, 2, 1], [1, 1, 1]]).tolist() == [-np.inf] * 2
