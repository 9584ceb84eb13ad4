"""The program scores a model: what it prints, writes and refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_length import TextLength
from tests.warm.program import run_warm

pytestmark = pytest.mark.slow

Evaluate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def data(tmp_path: Path, draw_text: Callable[[str], np.ndarray]) -> Path:
    """Twelve images: ten labeled with what they show, one A as B, one CD as C."""
    folder = tmp_path / "data"
    folder.mkdir()
    texts = [*(letter * n for letter in "ABCD" for n in (1, 3)), "ABCD", "DA", "A", "CD"]
    labels = [*texts[:10], "B", "C"]
    rows = ["filename,label"]
    for index, (text, label) in enumerate(zip(texts, labels, strict=True)):
        Image.fromarray(draw_text(text)).save(folder / f"{index}.png")
        rows.append(f"{index}.png,{label}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def evaluate(data: Path, reader_file: Path) -> Evaluate:
    """Runs `evaluate` with a model that reads the images."""

    def run(
        *arguments: str, model: Path = reader_file, on: Path = data
    ) -> subprocess.CompletedProcess[str]:
        return run_warm("evaluate", model, on, "--device", "cpu", *arguments)

    return run


def break_image(data: Path) -> None:
    (data / "0.png").write_bytes(b"")


def test_json_has_the_promised_keys_and_the_right_figures(evaluate: Evaluate) -> None:
    result = evaluate("--format", "json")
    assert (result.returncode, result.stderr.count("\n")) == (0, 1)
    assert "1 images occur again with another label" in result.stderr
    scores = json.loads(result.stdout)
    assert (scores["n"], scores["rejected"]) == (12, 0)
    assert scores["exact_match"] == pytest.approx(10 / 12)
    low, high = scores["exact_match_ci95"]
    assert 0.5 < low < 10 / 12 < high < 1
    assert scores["cer"] == pytest.approx(2 / 24)
    assert scores["length_accuracy"] == pytest.approx(11 / 12)
    assert scores["blank_rate"] == 0
    assert scores["per_character"]["B"]["substituted"] == {"A": 1}
    assert scores["confusions"] == [
        {"truth": "", "read": "D", "count": 1},
        {"truth": "B", "read": "A", "count": 1},
    ]


def test_texts_of_the_given_length_are_scored(evaluate: Evaluate) -> None:
    # A third of the labels have three characters.
    scores = json.loads(evaluate("--format", "json", "--length", "3").stdout)
    assert scores["exact_match"] < 10 / 12
    assert scores["length_accuracy"] == pytest.approx(4 / 12)
    assert (scores["length"], scores["other_lengths"]) == (3, False)
    assert evaluate("--length", "99").returncode == 2


def test_a_model_reads_the_length_of_its_labels_unless_another_is_clear(
    evaluate: Evaluate, reader_file: Path, tmp_path: Path
) -> None:
    recognizer = Recognizer.load(reader_file)
    recognizer.length = TextLength(3)
    recognizer.save(tmp_path / "three.safetensors", {})

    def scored(*arguments: str) -> dict[str, object]:
        told = evaluate("--format", "json", *arguments, model=tmp_path / "three.safetensors")
        scores: dict[str, object] = json.loads(told.stdout)
        return scores

    # The recognizer is sure of what it reads, and most of it has another length.
    found, free = scored(), scored("--length", "any")
    assert found["exact_match"] == free["exact_match"] == pytest.approx(10 / 12)
    assert (found["length"], found["other_lengths"]) == (3, True)
    assert (free["length"], free["other_lengths"]) == (None, True)
    told = evaluate(model=tmp_path / "three.safetensors").stdout
    assert "read with 3 characters unless another length is clearly likelier" in told


def test_the_table_says_the_same_in_words(evaluate: Evaluate) -> None:
    result = evaluate()
    assert (result.returncode, result.stderr.count("\n")) == (0, 1)
    assert "1 images occur again with another label" in result.stderr
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "images 12" in lines
    assert any(line.startswith("exact match 83.33% (95%: ") for line in lines)
    assert "always right ACD" in lines
    assert "B 6 83.3% A ×1" in lines
    assert "nothing → D ×1" in lines


def test_out_keeps_scores_predictions_and_the_worst_errors(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    result = evaluate("--format", "json", "--out", str(tmp_path / "out"), "--batch-size", "5")
    out = tmp_path / "out"
    assert json.loads((out / "evaluation.json").read_text()) == json.loads(result.stdout)
    assert (out / "predictions.csv").read_text().count("\n") == 13
    with Image.open(out / "worst.png") as sheet:
        sheet.load()


def test_unreadable_images_are_left_out_up_to_the_limit(
    evaluate: Evaluate, data: Path, tmp_path: Path
) -> None:
    break_image(data)
    refused = evaluate()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "0.png" in refused.stderr and refused.stderr.count("\n") == 1
    allowed = evaluate("--max-bad", "0.1", "--out", str(tmp_path / "out"))
    assert allowed.returncode == 0
    assert "left out         1 rows" in allowed.stdout
    assert "0.png,empty file" in (tmp_path / "out" / "rejected.csv").read_text()


def test_an_image_with_a_character_that_the_model_does_not_know_counts_as_misread(
    evaluate: Evaluate, data: Path
) -> None:
    table = data / "labels.csv"
    table.write_text(table.read_text().replace("3.png,BBB", "3.png,Bb\x1bB"))
    result = evaluate("--format", "json")
    assert (result.returncode, result.stderr.count("\n")) == (0, 1)
    assert "1 images occur again with another label" in result.stderr
    scores = json.loads(result.stdout)
    assert (scores["n"], scores["exact_match"]) == (12, pytest.approx(9 / 12))
    assert scores["unknown_images"] == 1
    assert scores["unknown_characters"] == {"\x1b": 1, "b": 1}
    said = evaluate().stdout
    assert "1 labels have characters that the model cannot read (\\x1b ×1, b ×1)" in said
    assert "\x1b" not in said


def test_a_label_that_is_too_long_for_the_model_counts_as_misread(
    evaluate: Evaluate, data: Path
) -> None:
    table = data / "labels.csv"
    table.write_text(table.read_text().replace("3.png,BBB", "3.png," + "B" * 100))
    scores = json.loads(evaluate("--format", "json").stdout)
    assert (scores["n"], scores["exact_match"]) == (12, pytest.approx(9 / 12))


def test_nothing_is_written_among_the_images(evaluate: Evaluate, data: Path) -> None:
    before = sorted(data.iterdir())
    result = evaluate("--out", str(data))
    assert (result.returncode, sorted(data.iterdir())) == (2, before)
    assert "the folder of the images" in result.stderr


def test_missing_models_and_data_are_one_line_and_exit_2(
    evaluate: Evaluate, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut").write_bytes(b"\x10\x00")
    (tmp_path / "unlabeled").mkdir()
    (data / "0.png").rename(tmp_path / "unlabeled" / "0.png")
    for result in (
        evaluate(model=tmp_path / "gone"),
        evaluate(model=tmp_path / "cut"),
        evaluate(on=tmp_path / "gone"),
        evaluate("--out", str(tmp_path / "cut"), "--max-bad", "0.5"),
    ):
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("captcha-ssl: error: ")
        assert result.stderr.count("\n") == 1, result.stderr
        assert str(tmp_path) in result.stderr


def test_images_that_the_run_has_learned_are_named(
    data: Path, tmp_path: Path, draw_text: Callable[[str], np.ndarray]
) -> None:
    out = tmp_path / "run"
    few = ("--steps", 2, "--batch-size", 4, "--device", "cpu", "--init-from", "none", "-q")
    assert run_warm("finetune", data, "--out", out, *few).returncode == 0
    learned = run_warm("evaluate", out, data, "-q")
    assert learned.returncode == 0
    assert "warning: the model was trained on these images" in learned.stderr
    Image.fromarray(draw_text("BC")).save(data / "0.png")
    assert run_warm("evaluate", out, data, "-q").stderr == ""
