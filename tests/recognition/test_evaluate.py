"""Reading a dataset and what is told about it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import Rejected
from captcha_ssl.recognition.evaluation import metrics
from captcha_ssl.recognition.evaluation.evaluate import Evaluation, evaluate
from captcha_ssl.recognition.evaluation.evaluation_files import write_evaluation
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import Reading, read_images

TEXTS = ["ABCD", "AA", "DCBA", "B", "CAB"]
KEYS = {
    "n",
    "rejected",
    "unknown_images",
    "unknown_characters",
    "exact_match",
    "exact_match_ci95",
    "cer",
    "one_minus_ned",
    "length_accuracy",
    "length",
    "other_lengths",
    "blank_rate",
    "per_character",
    "confusions",
    "calibration_error",
    "suspicious_labels",
    "char_calibration_error",
}


def readings(*texts: str, confidence: float = 0.5) -> list[Reading]:
    return [Reading(text, confidence, (confidence,) * len(text)) for text in texts]


@pytest.fixture
def dataset(reader: Recognizer, draw_text: Callable[[str], np.ndarray]) -> Dataset:
    images = np.stack([reader.geometry.fit(draw_text(text)) for text in TEXTS])
    images.flags.writeable = False
    names = [f"{i}.png" for i in range(len(TEXTS))]
    return Dataset(images, list(TEXTS), names, reader.geometry, [Rejected("bad.png", "empty")])


def test_a_recognizer_that_reads_everything_has_perfect_scores(
    reader: Recognizer, dataset: Dataset
) -> None:
    evaluation = evaluate(reader, dataset)
    assert evaluation.predictions == TEXTS
    assert evaluation.worst() == []
    scores = evaluation.to_json()
    assert scores["exact_match"] == scores["one_minus_ned"] == scores["length_accuracy"] == 1
    assert scores["cer"] == scores["blank_rate"] == 0
    assert (scores["n"], scores["rejected"]) == (5, 1)


def test_confidences_are_probabilities_one_for_each_character(
    reader: Recognizer, dataset: Dataset
) -> None:
    for reading in read_images(reader, dataset.images):
        assert len(reading.char_confidences) == len(reading.text)
        assert 0 < reading.confidence <= min(reading.char_confidences) <= 1


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_the_batch_size_changes_nothing(
    reader: Recognizer, dataset: Dataset, batch_size: int
) -> None:
    assert evaluate(reader, dataset, batch_size).predictions == TEXTS


def test_progress_is_reported_after_each_batch(reader: Recognizer, dataset: Dataset) -> None:
    told: list[tuple[int, int]] = []
    evaluate(reader, dataset, 2, lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_evaluating_during_training_changes_no_mode_and_no_weight(
    reader: Recognizer, dataset: Dataset
) -> None:
    before = {name: value.clone() for name, value in reader.state_dict().items()}
    # As a task with a frozen encoder has it: training, but not the encoder's normalization.
    reader.train()
    reader.encoder.eval()
    assert evaluate(reader, dataset).predictions == TEXTS
    assert reader.training and not reader.encoder.training and reader.head.training
    reader.eval()
    assert all(value.equal(before[name]) for name, value in reader.state_dict().items())


def test_the_scores_are_those_of_the_metrics() -> None:
    labels, predictions = ["AB", "CD", "A", "BB"], ["AB", "CA", "", "BBB"]
    scores = Evaluation(labels, readings(*predictions)).to_json()
    assert scores.keys() == KEYS
    assert scores["exact_match"] == 1 / 4
    assert scores["exact_match_ci95"] == list(metrics.wilson_interval(1, 4))
    assert scores["cer"] == 3 / 7
    assert scores["one_minus_ned"] == metrics.one_minus_ned(labels, predictions)
    assert scores["length_accuracy"] == 2 / 4
    assert scores["blank_rate"] == 1 / 4
    assert scores["per_character"]["D"] == {
        **{"n": 1, "correct": 0, "deleted": 0},
        "substituted": {"A": 1},
    }
    assert scores["per_character"]["A"]["deleted"] == 1
    assert {"truth": "D", "read": "A", "count": 1} in scores["confusions"]
    assert json.loads(json.dumps(scores)) == scores


def test_the_worst_errors_are_the_largest_then_the_most_confident() -> None:
    texts = readings("AB", "XB", "YB", "")
    texts[2] = replace(texts[2], confidence=0.9)
    assert Evaluation(["AB"] * 4, texts).worst() == [3, 2, 1]


def test_images_without_labels_or_of_another_geometry_are_refused(
    reader: Recognizer, dataset: Dataset
) -> None:
    with pytest.raises(ValueError, match="labels"):
        evaluate(reader, replace(dataset, labels=None))
    with pytest.raises(ValueError, match="128×32"):
        evaluate(reader, replace(dataset, geometry=Geometry(1, 32, 128)))


def test_the_files_list_every_prediction_and_show_the_errors(
    reader: Recognizer, dataset: Dataset, tmp_path: Path
) -> None:
    labels = ["ABCD", "AA", "DDDD", "B", "CAB"]
    dataset = replace(dataset, labels=labels)
    evaluation = evaluate(reader, dataset)
    write_evaluation(tmp_path / "new" / "out", dataset, evaluation)
    out = tmp_path / "new" / "out"
    assert json.loads((out / "evaluation.json").read_text()) == evaluation.to_json()
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["filename"] for row in rows] == dataset.names
    assert [row["label"] for row in rows] == labels
    assert [row["prediction"] for row in rows] == TEXTS
    assert [row["correct"] for row in rows] == ["1", "1", "0", "1", "1"]
    assert "bad.png,empty" in (out / "rejected.csv").read_text()
    with Image.open(out / "worst.png") as sheet:
        assert len(sheet.getcolors(1 << 24) or []) > 2


@pytest.mark.parametrize("channels", [1, 3])
def test_the_sheet_shows_the_wrong_images_in_their_colors(channels: int, tmp_path: Path) -> None:
    color = (200, 30, 60)[:channels]
    images = np.zeros((2, channels, 32, 64), np.uint8)
    images[1] = np.array(color)[:, None, None]
    geometry = Geometry(channels, 32, 64)
    dataset = Dataset(images, ["A", "B"], ["a", "b"], geometry, [])
    write_evaluation(tmp_path, dataset, Evaluation(["A", "B"], readings("A", "")))
    with Image.open(tmp_path / "worst.png") as sheet:
        colors = {color for _, color in sheet.getcolors(1 << 24) or []}
    assert (color if channels == 3 else color * 3) in colors
    assert (0, 0, 0) not in colors


def test_an_evaluation_without_errors_replaces_an_older_one(
    reader: Recognizer, dataset: Dataset, tmp_path: Path
) -> None:
    wrong = replace(dataset, labels=["D"] * 5)
    write_evaluation(tmp_path, wrong, evaluate(reader, wrong))
    before = (tmp_path / "worst.png").read_bytes()
    write_evaluation(tmp_path, dataset, evaluate(reader, dataset))
    assert (tmp_path / "worst.png").read_bytes() != before
    assert json.loads((tmp_path / "evaluation.json").read_text())["exact_match"] == 1
