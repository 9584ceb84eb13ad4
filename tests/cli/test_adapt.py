"""adapt as a user runs it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

import captcha_ssl
from captcha_ssl.recognition.reading.recognizer import Recognizer
from tests.warm.program import run_warm as run

pytestmark = pytest.mark.slow

FAST = ("--device", "cpu", "--quiet")


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "pile"
    done = run("generate", out, "--count", 60, "--style", "plain", "--charset", "0123456789", "-q")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def adapted(pile: Path) -> Path:
    out = pile.parent / "adapted"
    done = run("adapt", pile, "--out", out, "--steps", 3, "--batch-size", 4, *FAST)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "model.safetensors")
    assert done.stderr == ""
    return out


def test_the_run_is_a_recognizer_with_its_settings(adapted: Path, pile: Path) -> None:
    config = tomllib.loads((adapted / "config.toml").read_text())
    assert (config["init_from"], config["steps"], config["sure"]) == ("shipped", 3, 0.9)
    (row,) = map(json.loads, (adapted / "metrics.jsonl").read_text().splitlines())
    assert row["step"] == 3
    read = run("evaluate", adapted, pile, "--format", "json", "--device", "cpu", "-q")
    assert json.loads(read.stdout)["exact_match"] > 0.5
    assert Recognizer.load(adapted).charset.characters == "0123456789"


def test_finetune_starts_from_it(adapted: Path, pile: Path) -> None:
    out = pile.parent / "finetuned"
    start = ("--init-from", adapted, "--unlabeled", pile, "--steps", 2, "--batch-size", 4)
    done = run("finetune", pile, "--labels", 20, *start, "--out", out, *FAST)
    assert done.returncode == 0, done.stderr
    config = tomllib.loads((out / "config.toml").read_text())
    assert config["init_from"] == str(adapted)


def test_a_finished_run_resumes_to_the_same_model(adapted: Path, pile: Path) -> None:
    before = (adapted / "model.safetensors").read_bytes()
    done = run("adapt", pile, "--out", adapted, "--steps", 3, "--batch-size", 4, "--resume", *FAST)
    assert done.returncode == 0, done.stderr
    assert (adapted / "model.safetensors").read_bytes() == before


def test_it_says_what_it_learns_from(pile: Path, tmp_path: Path) -> None:
    short = ("--steps", 1, "--batch-size", 4, "--device", "cpu")
    done = run("adapt", pile, "--out", tmp_path / "run", *short)
    assert done.returncode == 0, done.stderr
    assert "nearly all images show only digits" in done.stderr
    assert "of 60 texts are sure and become labels; charset: 0123456789" in done.stderr


def test_a_program_adapts_as_the_command_does(adapted: Path, pile: Path, tmp_path: Path) -> None:
    settings = {"steps": 3, "batch_size": 4, "device": "cpu"}
    result = captcha_ssl.adapt(pile, tmp_path / "run", **settings)
    assert result.recognizer.charset.characters == "0123456789"
    model = "model.safetensors"
    assert (tmp_path / "run" / model).read_bytes() == (adapted / model).read_bytes()
    with pytest.raises(captcha_ssl.UserError, match="did you mean 'sure'"):
        captcha_ssl.adapt(pile, tmp_path / "other", shure=0.8)


def test_noise_has_no_sure_texts(tmp_path: Path) -> None:
    (tmp_path / "noise").mkdir()
    rng = np.random.default_rng(0)
    for index in range(45):
        pixels = rng.integers(0, 256, (32, 80), np.uint8)
        cv2.imwrite(str(tmp_path / "noise" / f"{index}.png"), pixels)
    done = run("adapt", tmp_path / "noise", "--out", tmp_path / "run", *FAST)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert "too few to learn from" in line
    assert not (tmp_path / "run").exists()
