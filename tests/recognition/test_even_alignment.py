"""Where characters would stand if all were equally wide."""

from __future__ import annotations

import math

import pytest
import torch

from captcha_ssl.recognition.fine_tuning.even_alignment import (
    alignment_weight,
    even_alignment,
    faded_after,
)


def by_hand(logits: torch.Tensor, classes: list[list[int]]) -> float:
    """The mean over frames in the middle three fifths of each character's stretch."""
    losses = []
    for row, text in zip(logits.double(), classes, strict=True):
        frames = len(row)
        for t in range(frames):
            place = (t + 0.5) / frames * len(text)
            if abs(place - math.floor(place) - 0.5) < 0.3:
                scores = row[t].tolist()
                total = sum(math.exp(score) for score in scores)
                losses.append(math.log(total) - scores[text[math.floor(place)]])
    return sum(losses) / len(losses)


@pytest.mark.parametrize("texts", [[[1, 2, 3, 1]], [[2], [1, 3, 2]], [[1, 1, 2], [3, 2, 1]]])
def test_it_is_the_cross_entropy_of_frames_in_the_middle_of_a_character(
    texts: list[list[int]],
) -> None:
    torch.manual_seed(0)
    logits = torch.randn(len(texts), 22, 4)
    longest = max(map(len, texts))
    classes = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    lengths = torch.tensor([len(text) for text in texts])
    found = even_alignment(logits, classes, lengths)
    assert found.item() == pytest.approx(by_hand(logits, texts), rel=1e-5)


def test_its_weight_fades_out_and_stays_out() -> None:
    assert alignment_weight(2.0, 0.0, 0.3) == 2.0
    assert alignment_weight(2.0, 0.15, 0.3) == pytest.approx(1.0)
    assert alignment_weight(2.0, 0.3, 0.3) == alignment_weight(2.0, 1.0, 0.3) == 0.0
    assert alignment_weight(0.0, 0.0, 0.3) == 0.0


@pytest.mark.parametrize(
    ("asked", "steps", "faded"),
    [(200, 1, 1), (200, 100, 30), (200, 600, 180), (200, 2400, 200), (360, 1200, 360), (5, 600, 5)],
)
def test_it_lasts_as_long_as_asked_for_but_no_more_than_a_share(
    asked: int, steps: int, faded: int
) -> None:
    assert faded_after(asked, steps) == faded
