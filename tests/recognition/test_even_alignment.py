"""Where characters would stand if all were equally wide."""

from __future__ import annotations

import math

import pytest
import torch

from captcha_ssl.recognition.fine_tuning.even_alignment import (
    alignment_weight,
    even_alignment,
    faded_after,
    ink_left_of,
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


def equally_wide(frames: int) -> torch.Tensor:
    return (torch.arange(frames)[None] + 0.5) / frames


@pytest.mark.parametrize("texts", [[[1, 2, 3, 1]], [[2], [1, 3, 2]], [[1, 1, 2], [3, 2, 1]]])
def test_it_is_the_cross_entropy_of_frames_in_the_middle_of_a_character(
    texts: list[list[int]],
) -> None:
    torch.manual_seed(0)
    logits = torch.randn(len(texts), 22, 4)
    longest = max(map(len, texts))
    classes = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    lengths = torch.tensor([len(text) for text in texts])
    found = even_alignment(logits, classes, lengths, equally_wide(22))
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


def test_text_is_found_by_its_ink_and_not_in_a_line_across() -> None:
    torch.manual_seed(0)
    pixels = torch.zeros(2, 1, 32, 128)
    pixels[..., 14:17, :] = -6.0  # A strong line from edge to edge.
    pixels[0, :, 4:12:2, 64:112] += 0.8  # Text in the right half of one image,
    pixels[1, :, 4:12:2, 8:40] += 0.8  # and at the left of the other.
    shares = ink_left_of(pixels, 32)
    assert shares.shape == (2, 32)
    assert ((shares >= 0) & (shares <= 1)).all() and (shares.diff(dim=1) > 0).all()
    assert shares[0, 15] < 0.1 and shares[0, 28] > 0.9
    assert shares[1, 1] < 0.1 and shares[1, 10] > 0.9


def test_frames_follow_the_given_shares() -> None:
    torch.manual_seed(0)
    logits, classes, lengths = torch.randn(1, 8, 4), torch.tensor([[1, 2]]), torch.tensor([2])
    late = even_alignment(logits, classes, lengths, torch.full((1, 8), 0.75))
    wanted = -logits.log_softmax(-1)[0, :, 2].mean()
    assert late.item() == pytest.approx(wanted.item(), rel=1e-5)
