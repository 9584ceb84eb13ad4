"""Confidences after calibration are right as often as they say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.evaluation.calibration import (
    correct_characters,
    expected_calibration_error,
    fit_calibration,
)
from captcha_ssl.recognition.export.export import export
from captcha_ssl.recognition.reading.decoding import greedy_decode
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images

CHARSET = Charset("ABCDEFGH")
IMAGES = np.arange(2000, dtype=np.uint16).view(np.uint8).reshape(2000, 1, 1, 2)


class Oracle:
    """Knows the probability of every class in every frame, but says it `sharpened`."""

    charset, geometry, calibration = CHARSET, Geometry(1, 1, 2), Calibration()
    length = None

    def __init__(self, sharpened: float) -> None:
        self.rng = np.random.default_rng(0)
        frames = self.rng.normal(0, 2.5, (2000, 3, 9))
        frames[..., 0] = -30
        self.true = frames - np.log(np.exp(frames).sum(2, keepdims=True))
        self.sharpened = sharpened

    def labels(self) -> list[str]:
        """Texts drawn from those probabilities; no two equal neighbors, which would collapse."""
        noisy = self.true + self.rng.gumbel(size=self.true.shape)
        return ["".join(CHARSET.characters[k - 1] for k in row) for row in noisy.argmax(2)]

    def logits(self, images: np.ndarray) -> np.ndarray:
        rows = images.reshape(-1).view(np.uint16)
        return self.sharpened * self.true[rows]


def spread(confidences: list[float], correct: list[bool], bins: int) -> float:
    """The definition, bin by bin."""
    total = 0.0
    for k in range(bins):
        inside = [
            i for i, c in enumerate(confidences) if k == min(bins - 1, int(np.floor(c * bins)))
        ]
        if inside:
            accuracy = sum(correct[i] for i in inside) / len(inside)
            sure = sum(confidences[i] for i in inside) / len(inside)
            total += len(inside) / len(confidences) * abs(accuracy - sure)
    return total


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_the_error_is_the_gap_of_each_bin_weighed_by_its_share(bins: int) -> None:
    rng = np.random.default_rng(1)
    sure = [*rng.uniform(0, 1, 200).tolist(), 0.0, 1.0]
    right = (rng.uniform(0, 1, 202) < 0.6).tolist()
    assert expected_calibration_error(sure, right, bins) == pytest.approx(spread(sure, right, bins))


def test_wrong_certainty_has_the_error_1_and_no_readings_have_none() -> None:
    assert expected_calibration_error([1.0, 1.0], [False, False]) == 1
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0
    assert expected_calibration_error([], []) == 0


def test_each_character_that_was_read_is_right_or_wrong() -> None:
    assert correct_characters("ABC", "ABC") == [True] * 3
    assert correct_characters("ABC", "AC") == [True, True]
    assert correct_characters("AC", "ABC") == [True, False, True]
    assert correct_characters("ABC", "XBC") == [False, True, True]
    assert correct_characters("ABC", "") == []


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_sharpened_the_logits(sharpened: float) -> None:
    oracle = Oracle(sharpened)
    labels = oracle.labels()
    apart = [all(a != b for a, b in zip(t, t[1:], strict=False)) for t in labels]
    read = [item.text for item in read_images(oracle, IMAGES)]
    kept = [i for i, good in enumerate(apart) if good and len(read[i]) == 3]
    images, labels = IMAGES[kept], [labels[i] for i in kept]
    before = errors(oracle, images, labels)
    fitted = fit_calibration(oracle, images[::2], labels[::2])
    oracle.calibration = fitted
    after = errors(oracle, images[1::2], labels[1::2])
    assert fitted.character == pytest.approx(sharpened, rel=0.35)
    assert max(after) < 0.06
    if sharpened == 3.0:
        assert min(before) > 0.15


def errors(oracle: Oracle, images: np.ndarray, labels: list[str]) -> tuple[float, float]:
    readings = read_images(oracle, images)
    texts = [r.text == label for r, label in zip(readings, labels, strict=True)]
    characters = [
        right
        for r, label in zip(readings, labels, strict=True)
        for right in correct_characters(label, r.text)
    ]
    sure = [value for r in readings for value in r.char_confidences]
    return (
        expected_calibration_error([r.confidence for r in readings], texts),
        expected_calibration_error(sure, characters),
    )


def test_a_reader_without_errors_stays_within_bounds(
    reader: Recognizer, draw_text: Callable[[str], np.ndarray]
) -> None:
    labels = ["".join(letters) for letters in product("ABCD", repeat=2)]
    images = np.stack([reader.geometry.fit(draw_text(label)) for label in labels])
    fitted = fit_calibration(reader, images, labels)
    assert 0.2 <= fitted.text <= 10 and 0.2 <= fitted.character <= 10


def test_a_temperature_changes_how_sure_a_text_is_and_not_the_text() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (20, 6, 5))
    cool, hot = greedy_decode(logits), greedy_decode(logits, Calibration(4.0, 2.0))
    assert [item.classes for item in cool] == [item.classes for item in hot]
    assert all(a.confidence > b.confidence for a, b in zip(cool, hot, strict=True))
    same = greedy_decode(logits / 2)
    assert [i.char_confidences for i in hot] == [pytest.approx(i.char_confidences) for i in same]
    assert [i.confidence for i in hot] == [
        pytest.approx(i.confidence) for i in greedy_decode(logits / 4)
    ]


def test_torch_and_onnx_apply_the_same_calibration(
    reader: Recognizer, draw_text: Callable[[str], np.ndarray], tmp_path: Path
) -> None:
    images = np.stack([reader.geometry.fit(draw_text(text)) for text in ("AB", "CAD")])
    plain = read_images(reader, images)
    reader.calibration = Calibration(5.0, 8.0)
    try:
        reader.save(tmp_path / "model.safetensors", {})
        export(reader, tmp_path / "model.onnx", {})
    finally:
        reader.calibration = Calibration()
    torch_reads, onnx_reads = (
        read_images(open_reader(tmp_path / name), images)
        for name in ("model.safetensors", "model.onnx")
    )
    for before, one, other in zip(plain, torch_reads, onnx_reads, strict=True):
        assert before.text == one.text == other.text
        assert one.confidence == pytest.approx(other.confidence, rel=1e-4)
        assert one.char_confidences == pytest.approx(other.char_confidences, rel=1e-4)
        assert one.confidence < before.confidence
