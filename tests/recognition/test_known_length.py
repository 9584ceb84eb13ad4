"""The best path with a known number of characters."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
import torch
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.recognition.reading.decoding import greedy_decode
from captcha_ssl.recognition.reading.known_length import best_path
from captcha_ssl.recognition.reading.pseudo_labels import pseudo_labels
from captcha_ssl.recognition.reading.text_length import TextLength, path_of_length, usual_length
from captcha_ssl.recognition.reading.text_reader import to_readings

FRAMES, CLASSES = 5, 3


def _text(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(c for c, _ in groupby(path) if c)


def _best_of_all(row: Tensor, length: int) -> tuple[float, tuple[int, ...]]:
    paths = [p for p in product(range(CLASSES), repeat=FRAMES) if len(_text(p)) == length]
    return max((sum(float(row[t, c]) for t, c in enumerate(path)), path) for path in paths)


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_it_is_the_best_of_all_paths_that_long(length: int) -> None:
    torch.manual_seed(length)
    rows = (2 * torch.randn(20, FRAMES, CLASSES)).log_softmax(-1)
    paths, totals = best_path(rows, length)
    for row, path, total in zip(rows, paths, totals, strict=True):
        likeliest, wanted = _best_of_all(row, length)
        assert tuple(path.tolist()) == wanted
        assert total.item() == pytest.approx(likeliest, rel=1e-5)


def test_where_no_path_is_that_long_its_probability_is_zero() -> None:
    rows = torch.randn(4, FRAMES, CLASSES).log_softmax(-1)
    paths, totals = best_path(rows, FRAMES + 1)
    assert paths.shape == (4, FRAMES)
    assert totals.exp().tolist() == [0.0] * 4


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_without_torch_it_is_the_same_path(length: int) -> None:
    torch.manual_seed(length)
    rows = 2 * torch.randn(50, 9, 6)
    paths, _ = best_path(rows.log_softmax(-1), length)
    assert path_of_length(rows.numpy(), length).tolist() == paths.tolist()


def test_a_row_without_such_a_path_is_read_at_any_length() -> None:
    logits = np.random.default_rng(0).normal(size=(4, FRAMES, CLASSES))
    logits[:, :, 2] = -np.inf
    # Between equal characters there is a blank, so that five frames hold three.
    assert [len(_text(tuple(path))) for path in path_of_length(logits, 3).tolist()] == [3] * 4
    assert path_of_length(logits, 4).tolist() == logits.argmax(2).tolist()


def test_confidences_are_those_of_the_path_that_is_read() -> None:
    logits = np.log([[[0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.7, 0.1, 0.2]]])
    (free,) = to_readings(logits, Charset("ab"))
    assert (free.text, free.confidence) == ("a", pytest.approx(0.6 * 0.5 * 0.7))
    (two,) = to_readings(logits, Charset("ab"), length=TextLength(2))
    # a, blank, b: 0.6 · 0.5 · 0.2; a, b, blank: 0.6 · 0.2 · 0.7.
    assert (two.text, two.confidence) == ("ab", pytest.approx(0.6 * 0.2 * 0.7))
    assert two.char_confidences == pytest.approx((0.6, 0.2))


def test_another_length_is_read_where_it_is_clearly_likelier() -> None:
    logits = np.log([[[0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.7, 0.1, 0.2]]])
    # "a" is 0.21 and "ab" 0.084: e^0.92 times as likely.
    for clear, text in ((0.9, "a"), (0.93, "ab")):
        (found,) = to_readings(logits, Charset("ab"), length=TextLength(2, clear))
        assert found.text == text


def test_the_usual_length_is_that_of_all_labels() -> None:
    length = usual_length(["abcd"] * 20)
    assert length is not None and length.characters == 4 and 0 < length.clear < 10
    assert usual_length(["abcd"] * 19) is None
    assert usual_length(["abcd"] * 30 + ["abc"]) is None
    assert usual_length([]) is None


def test_of_very_many_classes_the_likely_ones_are_tried() -> None:
    torch.manual_seed(5)
    few = 2 * torch.randn(20, FRAMES, CLASSES)
    places = torch.tensor([0, 70, 140])
    many = torch.full((20, FRAMES, 200), -30.0)
    many[:, :, places] = few
    paths, totals = best_path(few.log_softmax(-1), 2)
    found, same = best_path(many.log_softmax(-1), 2)
    assert torch.equal(found, places[paths])
    assert path_of_length(many.numpy(), 2).tolist() == found.tolist()
    assert torch.allclose(same, totals)


def test_a_reading_that_is_long_enough_stays_what_greedy_decoding_reads() -> None:
    torch.manual_seed(4)
    logits = 3 * torch.randn(60, 7, 4)
    read = pseudo_labels(logits, length=3)
    greedy = greedy_decode(logits.numpy())
    fitting = [row for row, decoded in enumerate(greedy) if len(decoded.classes) == 3]
    assert 10 < len(fitting) < 50
    for row in fitting:
        assert tuple(read.classes[row, :3].tolist()) == greedy[row].classes
        assert read.confidence[row].item() == pytest.approx(greedy[row].confidence, rel=1e-4)
    assert read.lengths.tolist() == [3] * 60
