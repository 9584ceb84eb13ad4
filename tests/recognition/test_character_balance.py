"""Characters in pseudo-labels become as frequent as in labels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.recognition.fine_tuning.character_balance import (
    CharacterBalance,
    expected_frequencies,
)
from captcha_ssl.recognition.reading.pseudo_labels import pseudo_labels

CHARSET = Charset("17T")
EVEN = ["17", "7T", "T1"] * 20


def _logits(count: int = 64) -> Tensor:
    """One character in each image, whose T looks like a 7, but less so than a 7 does."""
    logits = torch.full((count, 3, 4), -9.0)
    logits[:, :, 0] = 0.0
    logits[:, 1] = torch.tensor([-9.0, -9.0, 5.0, -9.0])
    logits[: count // 3, 1] = torch.tensor([-9.0, 5.0, -9.0, -9.0])
    logits[-(count // 3) :, 1, 3] = 4.5
    return logits


def _shares(logits: Tensor) -> list[float]:
    read = pseudo_labels(logits)
    return [float((read.classes == k).sum() / read.lengths.sum()) for k in (1, 2, 3)]


def test_what_is_read_too_seldom_is_read_where_it_is_likely() -> None:
    balance = CharacterBalance(EVEN, CHARSET, 1.0)
    assert _shares(_logits())[2] == 0.0
    for _ in range(50):
        corrected = balance(_logits())
    assert _shares(corrected) == pytest.approx([1 / 3] * 3, abs=0.02)


def test_what_is_as_frequent_as_in_labels_stays() -> None:
    balance = CharacterBalance(["1"] * 40 + ["7"] * 80, Charset("17"), 1.0)
    logits = _logits()[..., :3]
    logits[43:] = logits[42]
    for _ in range(50):
        corrected = balance(logits)
    assert torch.allclose(corrected, logits, atol=0.05)


def test_no_logit_changes_by_more_than_two_and_the_blank_stays() -> None:
    balance = CharacterBalance(EVEN, CHARSET, 1.0)
    logits = _logits()
    logits[:] = logits[30]
    for _ in range(500):
        changes = balance(logits) - logits
    assert changes[..., 0].abs().max() == 0
    assert changes[0, 0].tolist() == pytest.approx([0, 2, -1.1, 2], abs=0.05)


def test_chance_in_few_labels_is_taken_for_chance() -> None:
    few, _ = expected_frequencies(["1177T", "17TT7", "11T17"], CHARSET)
    assert few.tolist() == pytest.approx([1 / 3] * 3)


def test_frequencies_that_are_no_chance_are_kept() -> None:
    many = ["1"] * 600 + ["7"] * 300 + ["T"] * 100
    found, margins = expected_frequencies(many, CHARSET)
    assert found.tolist() == pytest.approx([0.6, 0.3, 0.1], abs=0.01)
    assert margins.tolist() == pytest.approx([600**-0.5, 300**-0.5, 100**-0.5], rel=0.05)


def test_a_character_that_no_label_has_is_expected_seldom_and_not_never() -> None:
    found, margins = expected_frequencies(["1"] * 500 + ["7"] * 500, CHARSET)
    assert 0 < found[2] < 0.01
    assert torch.isfinite(margins).all()
