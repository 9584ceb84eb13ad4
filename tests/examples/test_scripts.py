"""The examples do what they say; the others are run in tests/recognition and tests/training."""

from __future__ import annotations

import os
import shutil
import string
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from captcha_ssl.cli.main import run as program
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.recognition.reading.recognizer import Recognizer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run(*command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    given = {"env": environment, "capture_output": True, "text": True, "check": False}
    return subprocess.run(list(map(str, command)), **given)


def test_the_check_for_ci_has_the_exit_codes_that_it_promises(
    of_these_sources: dict[str, str], tmp_path: Path
) -> None:
    check, few = ROOT / "examples" / "ci.sh", {**of_these_sources, "COUNT": "40"}
    good = run(check, tmp_path / "good", **few)
    assert good.returncode == 0, good.stderr
    assert "of 40 read without an error" in good.stdout
    # More than all of them is never reached.
    assert run(check, tmp_path / "bad", **few, RIGHT="101").returncode == 1
    again = run(check, tmp_path / "good", **few)
    assert again.returncode == 2
    assert "already exists" in again.stderr


def test_a_recognizer_is_trained_and_used_from_python(tmp_path: Path) -> None:
    program = (sys.executable, "-m", "captcha_ssl")
    digits = ("--count", 30, "--charset", "0123456789", "--channels", 1, "--format", "folder", "-q")
    made = run(*program, "generate", tmp_path / "labeled", *digits)
    assert made.returncode == 0
    places = (tmp_path / "labeled", tmp_path / "labeled", tmp_path / "runs")
    done = run(sys.executable, ROOT / "examples" / "python_api.py", *places, 2)
    assert done.returncode == 0, done.stderr
    assert "converged: False" in done.stdout
    assert (tmp_path / "runs" / "reader" / "model.safetensors").is_file()


DRAWN = ("pile", "more", "kinds", "ranges", "classic")
"""The folders that examples/train_shipped_model.sh draws before it trains."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few and small pictures in these folders: the script draws what is missing."""
    folder = tmp_path_factory.mktemp("drawn")
    known = string.digits + string.ascii_letters
    size = ("--count", "150", "--charset", known, "--height", "32", "--width", "128", "--quiet")
    for place in DRAWN[:-1]:
        gray = ("--channels", "1", "--style", "classic,plain", "--seed", str(len(place)))
        assert program(["generate", str(folder / place), *size, *gray]) == 0
    assert program(["generate", str(folder / "classic"), *size, "--format", "folder"]) == 0
    return folder


@pytest.mark.parametrize(("start", "steps"), [("none", "11"), ("shipped", "3")])
def test_the_shipped_model_can_be_trained_again(
    of_these_sources: dict[str, str],
    drawn: Path,
    tmp_path: Path,
    start: str,
    steps: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a few steps of each kind: what comes out is a model that `predict` takes."""
    script, shipped = ROOT / "examples" / "train_shipped_model.sh", tmp_path / "shipped"
    if start == "shipped":
        shutil.copytree(drawn, tmp_path / "work")
    few = {"COUNT": "150", "RANGES": "60", "PRETRAIN_STEPS": "2", "STEPS": steps}
    few |= {"SHIPPED": str(shipped), "START": start, "HEIGHT": "32"}
    few |= {"PYTHON": sys.executable}
    made = run(script, tmp_path / "work", **{**of_these_sources, **few})
    assert made.returncode == 0, made.stderr
    assert "exact match" in made.stdout
    picture = tmp_path / "work" / "classic" / "images" / "00000.png"
    for name in ("model-32.onnx", "model-32.safetensors"):
        code = program(["predict", "--model", str(shipped / name), str(picture)])
        read = capsys.readouterr()
        assert (code, len(read.out.splitlines())) == (0, 1), read.err


def test_an_average_lies_between_its_models_by_their_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    models = []
    for name in ("a", "b"):
        encoder, geometry = build_encoder("tiny", 1, 32), Geometry(1, 32, 64)
        models.append(Recognizer(encoder, Charset("01"), geometry))
        models[-1].save(tmp_path / f"{name}.safetensors", {})
    parts = (f"{tmp_path}/a.safetensors=1", f"{tmp_path}/b.safetensors=3")
    out = tmp_path / "average.safetensors"
    done = run(sys.executable, ROOT / "examples" / "average_models.py", out, *parts)
    assert done.returncode == 0, done.stderr
    first, second, average = (model.head.weight for model in (*models, Recognizer.load(out)))
    assert torch.allclose(average, 0.25 * first + 0.75 * second, atol=1e-6)
