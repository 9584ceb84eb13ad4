"""The model that comes with the package: there, small, and able to read."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import find_model
from captcha_ssl.models.shipped import FOLDER, HEIGHTS, shipped_version
from captcha_ssl.recognition.reading.onnx_reader import OnnxReader
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings
from tests.warm.program import run_warm

pytestmark = pytest.mark.slow

MEGABYTES = 8
COUNT = 60
SETTINGS = PictureSettings(
    seed=987_654,
    style="captcha",
    charset="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
)


def pictures(geometry: Geometry) -> tuple[np.ndarray, list[str]]:
    """Pictures that it has not seen, by the `captcha` package with its default looks."""
    drawn = [render(SETTINGS, index) for index in range(COUNT)]
    fitted = [geometry.fit(np.ascontiguousarray(p.transpose(1, 2, 0))) for p, _ in drawn]
    return np.stack(fitted), [text for _, text in drawn]


def test_it_is_no_larger_than_promised() -> None:
    size = sum(file.stat().st_size for file in FOLDER.iterdir())
    assert size <= MEGABYTES * 10**6


@pytest.mark.parametrize("height", HEIGHTS)
def test_it_reads_the_default_captchas_of_the_captcha_package(height: int) -> None:
    reader = Recognizer.load(shipped_version(height))
    assert reader.geometry.height == height
    images, texts = pictures(reader.geometry)
    read = [reading.text for reading in read_images(reader, images)]
    right = sum(a.lower() == b.lower() for a, b in zip(read, texts, strict=True))
    assert right >= 0.9 * COUNT


def test_the_safetensors_to_fine_tune_from_read_what_the_onnx_reads() -> None:
    reader = OnnxReader(shipped_version(HEIGHTS[-1], ".onnx"))
    weights = Recognizer.load(shipped_version(HEIGHTS[-1]))
    images, _ = pictures(reader.geometry)
    ours, theirs = (
        [reading.text for reading in read_images(each, images)] for each in (reader, weights)
    )
    # In 8 bits an o becomes an O now and then, which look the same in this font.
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) >= 0.95 * COUNT
    assert weights.charset == reader.charset and weights.calibration == reader.calibration


def test_predict_needs_nothing_but_an_image(tmp_path: Path) -> None:
    picture, text = render(PictureSettings(seed=5, style="plain", charset="2345678"), 0)
    Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(tmp_path / "image.png")
    command = [sys.executable, "-m", "captcha_ssl", "predict", "image.png"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == f"{text}\n"


def test_its_name_works_wherever_a_model_is_expected(tmp_path: Path) -> None:
    run = partial(run_warm, cwd=tmp_path)

    assert run("generate", "data", "--count", "24", "--style", "plain", "-q").returncode == 0
    assert run("generate", "one", "--count", "1", "--format", "folder", "-q").returncode == 0
    judged = run("evaluate", "shipped", "data", "--format", "json", "-q")
    before = json.loads(judged.stdout)["exact_match"]
    assert before > 0.5
    tuned = run(
        "finetune",
        "data",
        "--init-from",
        "shipped",
        "--out",
        "run",
        "--steps",
        "2",
        "--lr",
        "1e-6",
        "--head-lr",
        "1e-6",
        "--device",
        "cpu",
        "-q",
    )
    assert tuned.returncode == 0, tuned.stderr
    # Its characters are those of the labels, and what it knew of them is not lost.
    again = json.loads(run("evaluate", "run", "data", "--format", "json", "-q").stdout)
    assert again["exact_match"] >= before
    assert run("predict", "one", "--model", "shipped").stdout == run("predict", "one").stdout


def test_a_folder_of_that_name_takes_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model(Path("shipped")) == shipped_version(HEIGHTS[-1])
    Path("shipped").mkdir()
    with pytest.raises(UserError, match="no model here"):
        find_model(Path("shipped"))
