"""The best path, held against an enumeration of every path."""

from __future__ import annotations

from itertools import groupby, product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_ssl.data.charset import frames_needed
from captcha_ssl.recognition.reading.decoding import Decoded, greedy_decode

EXACT = 1e-12


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(-1, keepdims=True)


def best_path_by_enumeration(logits: np.ndarray) -> Decoded:
    """Spell out all K ** T paths of one [T, K] array and take the likeliest."""
    probabilities = softmax(logits)
    frames, classes = logits.shape
    likelihood, path = max(
        (prod(probabilities[t, k] for t, k in enumerate(path)), path)
        for path in product(range(classes), repeat=frames)
    )
    runs = [list(run) for _, run in groupby(enumerate(path), key=lambda step: step[1])]
    spoken = [run for run in runs if run[0][1] != 0]
    return Decoded(
        classes=tuple(run[0][1] for run in spoken),
        char_confidences=tuple(max(probabilities[t, k] for t, k in run) for run in spoken),
        confidence=likelihood,
    )


def logits_of(path: list[int], classes: int, strength: float = 9.0) -> np.ndarray:
    """[1, T, K] logits whose best path is `path`."""
    return strength * np.eye(classes)[path][None]


@st.composite
def batches(draw: st.DrawFn, frames: int = 4, classes: int = 3) -> np.ndarray:
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, frames)), draw(st.integers(1, classes)))
    # Random numbers rather than hypothesis' own: ties would make the best path ambiguous.
    return np.random.default_rng(draw(st.integers(0, 2**32))).normal(0, 3, shape)


@given(batches(frames=5, classes=4))
def test_it_is_the_likeliest_of_all_paths(logits: np.ndarray) -> None:
    for decoded, row in zip(greedy_decode(logits), logits, strict=True):
        expected = best_path_by_enumeration(row)
        assert decoded.classes == expected.classes
        assert decoded.char_confidences == pytest.approx(expected.char_confidences, rel=EXACT)
        assert decoded.confidence == pytest.approx(expected.confidence, rel=EXACT)


@pytest.mark.parametrize(
    ("path", "classes"),
    [
        ([0, 0, 0], ()),
        ([1, 1, 1], (1,)),
        ([1, 0, 1], (1, 1)),
        ([1, 1, 0, 0, 1, 2, 2, 0], (1, 1, 2)),
        ([2, 1, 2], (2, 1, 2)),
        ([3], (3,)),
    ],
)
def test_repeats_collapse_and_blanks_separate_equal_characters(
    path: list[int], classes: tuple[int, ...]
) -> None:
    assert greedy_decode(logits_of(path, 4))[0].classes == classes


def test_a_character_is_as_sure_as_the_surest_frame_of_its_run() -> None:
    logits = logits_of([1, 1, 0, 2], 3)[0] * np.array([0.2, 0.5, 1.0, 0.3])[:, None]
    (decoded,) = greedy_decode(logits[None])
    best = softmax(logits).max(1)
    assert decoded.char_confidences == pytest.approx((best[1], best[3]), rel=EXACT)
    assert decoded.confidence == pytest.approx(best.prod(), rel=EXACT)


@given(batches(), st.lists(st.floats(-300, 300), min_size=4, max_size=4))
def test_a_constant_added_to_a_frame_changes_nothing(
    logits: np.ndarray, constants: list[float]
) -> None:
    shifted = logits + np.array(constants)[: logits.shape[1], None]
    for before, after in zip(greedy_decode(logits), greedy_decode(shifted), strict=True):
        assert after.classes == before.classes
        assert after.confidence == pytest.approx(before.confidence, rel=1e-9)


@given(batches(), st.integers(2, 4))
def test_stretching_every_frame_leaves_the_text(logits: np.ndarray, times: int) -> None:
    stretched = greedy_decode(logits.repeat(times, axis=1))
    assert [d.classes for d in stretched] == [d.classes for d in greedy_decode(logits)]


@given(batches())
def test_each_row_is_read_on_its_own(logits: np.ndarray) -> None:
    alone = [greedy_decode(row[None])[0] for row in logits]
    assert greedy_decode(logits) == alone
    assert greedy_decode(logits[::-1]) == alone[::-1]


@given(st.text("abc", min_size=1, max_size=8))
def test_any_text_can_be_spelled_in_the_frames_it_needs(text: str) -> None:
    classes = ["abc".index(character) + 1 for character in text]
    path: list[int] = []
    for value in classes:
        path += [0, value] if path and path[-1] == value else [value]
    assert len(path) == frames_needed(text)
    assert greedy_decode(logits_of(path, 4))[0].classes == tuple(classes)


def test_huge_logits_stay_finite() -> None:
    (decoded,) = greedy_decode(np.array([[[1e4, -1e4], [-3e4, 3e4]]], np.float32))
    assert decoded == Decoded((1,), (1.0,), 1.0)


def test_an_empty_batch_gives_no_texts() -> None:
    assert greedy_decode(np.zeros((0, 5, 3), np.float32)) == []


def test_an_array_of_another_rank_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[B, T, K\]"):
        greedy_decode(np.zeros((5, 3), np.float32))
