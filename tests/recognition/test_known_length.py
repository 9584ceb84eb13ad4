"""The best path with a known number of characters."""

from __future__ import annotations

from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.recognition.export.export import export
from captcha_ssl.recognition.reading.decoding import greedy_decode
from captcha_ssl.recognition.reading.known_length import best_path
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.pseudo_labels import pseudo_labels
from captcha_ssl.recognition.reading.recognizer import Recognizer
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
    charset = Charset("abcd")
    length = usual_length(["abcd"] * 20, charset)
    assert length is not None and length.characters == 4 and 0 < length.clear < 10
    assert usual_length(["abcd"] * 19, charset) is None
    assert usual_length(["abcd"] * 30 + ["abc"], charset) is None
    assert usual_length([], charset) is None


CODES = Charset("01ABO")
"""Texts of a letter and two digits."""


def test_the_kinds_at_each_place_are_those_of_fifty_labels() -> None:
    labels = ["A01", "B10"] * 25
    length = usual_length(labels, CODES)
    assert length is not None and length.kinds == ({"Lu"}, {"Nd"}, {"Nd"})
    assert length.fits("O11") and not length.fits("011") and not length.fits("A0")
    for plain in (labels[:49], [*labels, "0AA", "OO0"]):
        found = usual_length(plain, CODES)
        assert found is not None and found.kinds is None and found.allowed is None
    digits = usual_length(["01", "10"] * 30, Charset("01"))
    assert digits is not None and digits.kinds is None, "there are no others to rule out"


@pytest.mark.slow
def test_the_files_of_a_model_keep_its_length_and_kinds(tmp_path: Path) -> None:
    recognizer = Recognizer(build_encoder("tiny", 1, 32), CODES, Geometry(1, 32, 64)).eval()
    for labels in (["A01", "B10"] * 25, ["A01", "10B"] * 25):
        recognizer.length = usual_length(labels, CODES)
        recognizer.save(tmp_path / "model.safetensors", {})
        export(recognizer, tmp_path / "model.onnx", {})
        for file in ("model.safetensors", "model.onnx"):
            kept = open_reader(tmp_path / file).length
            assert kept is not None and kept == recognizer.length
            assert np.array_equal(kept.allowed, recognizer.length.allowed)


def codes(first: dict[str, float], then: str = "10") -> np.ndarray:
    """Logits [1, 6, 6] of a first character, as likely as said, and the others with 0.99."""
    chances = np.full((6, CODES.num_classes), 1e-4)
    chances[::2, 0] = 0.99
    for character, chance in first.items():
        chances[1, CODES.encode(character)] = chance
    for place, character in enumerate(then):
        chances[3 + 2 * place, CODES.encode(character)] = 0.99
    return np.log(chances)[None]


@pytest.mark.parametrize(
    ("first", "read"),
    [
        ({"0": 0.95, "O": 0.05}, "O10"),
        ({"A": 0.6, "B": 0.4}, "A10"),
        ({"0": 0.9999, "O": 1e-4}, "010"),
    ],
    ids=["of another kind", "of the right kind", "of another kind without doubt"],
)
def test_a_character_of_another_kind_is_read_only_without_doubt(
    first: dict[str, float], read: str
) -> None:
    length = usual_length(["A01", "B10"] * 25, CODES)
    (found,) = to_readings(codes(first), CODES, length=length)
    assert found.text == read
    (free,) = to_readings(codes(first), CODES)
    assert free.text == max(first, key=lambda character: first[character]) + "10"


def _fits(path: tuple[int, ...], allowed: np.ndarray) -> bool:
    text = _text(path)
    return len(text) == 2 and all(allowed[n, c] for n, c in enumerate(text, 1))


def test_it_is_the_best_of_all_paths_that_are_allowed() -> None:
    torch.manual_seed(7)
    rows = (2 * torch.randn(30, FRAMES, CLASSES)).log_softmax(-1)
    allowed = np.array([[True] * 3, [True, True, False], [True, True, True]])
    paths, totals = best_path(rows, 2, torch.from_numpy(allowed))
    every = [p for p in product(range(CLASSES), repeat=FRAMES) if _fits(p, allowed)]
    for row, path, total in zip(rows, paths, totals, strict=True):
        chances = {p: sum(float(row[t, c]) for t, c in enumerate(p)) for p in every}
        assert tuple(path.tolist()) == max(chances, key=lambda p: chances[p])
        assert total.item() == pytest.approx(max(chances.values()), rel=1e-5)
    assert path_of_length(rows.numpy(), 2, allowed).tolist() == paths.tolist()
    read = pseudo_labels(rows, 2, torch.from_numpy(allowed))
    assert read.classes[:, :2].tolist() == [list(_text(tuple(p))) for p in paths.tolist()]


def test_of_very_many_classes_those_that_are_allowed_are_tried() -> None:
    torch.manual_seed(5)
    logits = torch.randn(6, 8, 150)
    allowed = torch.ones(3, 150, dtype=torch.bool)
    allowed[1, 75:] = False
    paths, _ = best_path(logits.log_softmax(-1), 2, allowed)
    first = [_text(tuple(path))[0] for path in paths.tolist()]
    assert max(first) < 75
    assert path_of_length(logits.numpy(), 2, allowed.numpy()).tolist() == paths.tolist()


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
