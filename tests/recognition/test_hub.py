"""The folder for a model hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.export.hub import model_page, read_scores, write_hub
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.recognition.reading.recognizer import Recognizer

SCORES = {
    "n": 1000,
    "exact_match": 0.9,
    "exact_match_ci95": [0.88, 0.917],
    "cer": 0.031,
    "length_accuracy": 0.99,
    "calibration_error": 0.02,
    "per_character": {},
}


def test_the_folder_is_a_model_with_a_card(
    reader: Recognizer, reader_file: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "scores"
    scores.mkdir()
    (scores / "evaluation.json").write_text(json.dumps(SCORES))
    out = tmp_path / "models" / "reader"
    given = ["--format", "hub", "--scores", str(scores), "--license", "apache-2.0"]
    assert run(["export", str(reader_file), str(out), *given]) == 0
    assert sorted(file.name for file in out.iterdir()) == [
        "README.md",
        "config.json",
        "model.onnx",
        "model.safetensors",
    ]
    config = json.loads((out / "config.json").read_text())
    assert config["charset"] == "ABCD" and config["kind"] == "recognizer"
    assert [config["geometry"][side] for side in ("channels", "height", "width")] == [1, 32, 64]
    page = (out / "README.md").read_text()
    head = page.split("---\n")[1]
    assert "license: apache-2.0\n" in head and "pipeline_tag: image-to-text\n" in head
    assert "90.0% (95% interval 88.0%–91.7%)" in page and "3.10%" in page
    assert "` ABCD `" in page and "64×32 gray" in page
    assert open_reader(out).charset == reader.charset


def test_without_an_evaluation_the_card_has_no_figures(reader: Recognizer) -> None:
    page = model_page(reader, "x", {}, None, "unknown")
    assert "no evaluation was given" in page and "%" not in page.partition("## Figures")[2][:60]


def test_existing_files_are_kept_and_other_mistakes_are_refused(
    reader: Recognizer, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(UserError, match="already exists"):
        write_hub(reader, tmp_path / "full", {})
    with pytest.raises(UserError, match="not the name of a license"):
        write_hub(reader, tmp_path / "new", {}, license="mit\nevil: 1")
    with pytest.raises(UserError, match="captcha-ssl evaluate MODEL DATA --out DIR"):
        read_scores(tmp_path / "gone")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["full"]


def test_options_of_the_hub_need_its_format(reader_file: Path, tmp_path: Path) -> None:
    given = [str(reader_file), str(tmp_path / "a.onnx"), "--license", "mit"]
    assert run(["export", *given]) == 2
    assert not list(tmp_path.iterdir())
