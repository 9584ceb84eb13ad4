"""pretrain --preview, and what pretrain refuses before a run starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from PIL import Image

from captcha_ssl.cli.main import run

FAST = ("--device", "cpu", "--set", "height=32", "--quiet")


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code, and what it printed."""

    code: int
    stdout: str
    stderr: str

    def error_line(self) -> str:
        """The one line of a usage error, checked to be that."""
        assert (self.code, self.stdout) == (2, ""), self.stderr
        (line,) = self.stderr.splitlines()
        assert line.startswith("captcha-ssl: error: ")
        return line


class Pretrain(Protocol):
    def __call__(self, *arguments: object) -> Done: ...


@pytest.fixture
def pretrain(capsys: pytest.CaptureFixture[str]) -> Pretrain:
    """Runs `captcha-ssl pretrain`."""

    def pretrain(*arguments: object) -> Done:
        code = run(["pretrain", *map(str, arguments)])
        return Done(code, *capsys.readouterr())

    return pretrain


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gray images, 88 pixels wide at the height that is trained at."""
    out = tmp_path_factory.mktemp("data") / "pile"
    few = ("--count", "20", "--style", "fast", "--channels", "1", "--quiet")
    assert run(["generate", str(out), *few]) == 0
    return out


def test_a_preview_is_a_picture_and_nothing_else(
    pretrain: Pretrain, pile: Path, tmp_path: Path
) -> None:
    file, out = tmp_path / "sheet.png", tmp_path / "run"
    # Fewer images than fill a batch, and a run that is named: neither matters to a look.
    done = pretrain(
        pile, "--method", "jigsaw", "--preview", file, "--out", out, "--batch-size", 64, *FAST
    )
    assert done.code == 0, done.stderr
    assert done.stdout == f"{file}\n"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == [file]
    with Image.open(file) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width <= 1600


def test_a_preview_needs_no_run_folder_and_takes_every_setting(
    pretrain: Pretrain, pile: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sheet.png"
    done = pretrain(
        pile,
        "--method",
        "autoencoder",
        "--preview",
        file,
        "--seed",
        3,
        "--set",
        "channels=3",
        "--set",
        "height=32",
        "--set",
        "mask_shape=column",
        "--device",
        "cpu",
    )
    assert done.code == 0, done.stderr
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
    pretrain: Pretrain, tmp_path: Path, name: str, said: str
) -> None:
    # Before the data is read: there is none here.
    done = pretrain(tmp_path / "none", "--preview", tmp_path / name)
    line = done.error_line()
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
    pretrain: Pretrain, pile: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    out = ("--out", tmp_path / "run", "--batch-size", 8, "--steps", 1)
    assert said in pretrain(pile, *out, *arguments, *FAST).error_line()
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_refuses_a_preview_refuses_too(
    pretrain: Pretrain, pile: Path, tmp_path: Path
) -> None:
    gray = ("--method", "colorization", "--set", "channels=3")
    done = pretrain(pile, "--preview", tmp_path / "sheet.png", *gray, *FAST)
    assert "these are gray" in done.error_line()
    assert list(tmp_path.iterdir()) == []
