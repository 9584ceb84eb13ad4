"""pretrain --preview, and what pretrain refuses before a run is begun, as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

FAST = ("--device", "cpu", "--quiet")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "captcha_ssl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a usage error, checked to be that."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("captcha-ssl: error: ")
    return line


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gray images, 88 pixels wide at the height that is trained at."""
    out = tmp_path_factory.mktemp("data") / "pile"
    done = run("generate", out, "--count", 20, "--style", "fast", "--channels", 1, "-q")
    assert done.returncode == 0, done.stderr
    return out


def test_a_preview_is_a_picture_and_nothing_else(pile: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "sheet.png", tmp_path / "run"
    # Fewer images than fill a batch, and a run that is named: neither matters to a look.
    done = run(
        *("pretrain", pile, "--method", "jigsaw", "--preview", file, "--out", out),
        *("--batch-size", 64, *FAST),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{file}\n"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == [file]
    with Image.open(file) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width <= 1600


def test_a_preview_needs_no_run_folder_and_takes_every_setting(pile: Path, tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    done = run(
        *("pretrain", pile, "--method", "autoencoder", "--preview", file, "--seed", 3),
        *("--set", "channels=3", "--set", "mask_shape=column", "--device", "cpu"),
    )
    assert done.returncode == 0, done.stderr
    assert "20 images at 88×32 RGB" in done.stderr
    assert file.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent/sheet.png", "make it first"),
        ("sheet.jpg", "ends in .png"),
        ("sheet", "ends in .png"),
    ],
)
def test_a_file_that_cannot_be_drawn_is_refused_at_once(
    tmp_path: Path, name: str, said: str
) -> None:
    # Before the data is read: there is none here.
    done = run("pretrain", tmp_path / "none", "--preview", tmp_path / name)
    line = error_line(done)
    assert said in line
    assert "--preview" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--method", "colorization", "--set", "channels=3"), "these are gray"),
        (("--method", "jigsaw", "--set", "piece_gap=14"), "88 pixels wide are too narrow"),
        (("--method", "patch-location", "--set", "reach=4"), "too narrow for windows 98 pixels"),
        (("--method", "byol", "--set", "crop_width=92"), "too narrow for crops of 92"),
        (("--set", "crop_width=30"), "use a multiple of 4"),
    ],
)
def test_images_a_method_cannot_learn_from_are_refused_before_a_run(
    pile: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    out = ("--out", tmp_path / "run", "--batch-size", 8, "--steps", 1)
    assert said in error_line(run("pretrain", pile, *out, *arguments, *FAST))
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_refuses_a_preview_refuses_too(pile: Path, tmp_path: Path) -> None:
    gray = ("--method", "colorization", "--set", "channels=3")
    done = run("pretrain", pile, "--preview", tmp_path / "sheet.png", *gray, *FAST)
    assert "these are gray" in error_line(done)
    assert list(tmp_path.iterdir()) == []
