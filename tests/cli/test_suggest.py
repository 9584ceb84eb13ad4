"""`captcha-ssl suggest` as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.cli.main import run
from tests.warm.program import run_warm

pytestmark = pytest.mark.slow


def suggest(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_warm("suggest", *arguments, "--device", "cpu", "-q")


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory, draw_text: Callable[[str], np.ndarray]) -> Path:
    folder = tmp_path_factory.mktemp("pile")
    for number in range(12):
        noisy = draw_text("ABCD"[number % 4] * 3)
        cv2.imwrite(str(folder / f"img_{number:02}.png"), noisy)
    return folder


def test_names_come_out_in_order_and_those_excluded_do_not(
    pile: Path, reader_file: Path, tmp_path: Path
) -> None:
    first = suggest(pile, "--init-from", reader_file, "--count", 4)
    assert (first.returncode, first.stderr) == (0, "")
    names = first.stdout.splitlines()
    # Each of the four texts once: its copies are at no distance.
    assert {int(name[4:6]) % 4 for name in names} == {0, 1, 2, 3}
    (tmp_path / "done.txt").write_text("\n".join(names) + "\n\n")
    rest = suggest(
        pile,
        "--init-from",
        reader_file,
        "--count",
        8,
        "--format",
        "jsonl",
        "--exclude",
        tmp_path / "done.txt",
    )
    rows = [json.loads(line) for line in rest.stdout.splitlines()]
    assert {row["name"] for row in rows} == {f"img_{n:02}.png" for n in range(12)} - set(names)
    assert all(0 <= row["uncertainty"] <= 1 and row["distance"] < 0.01 for row in rows)


def test_images_that_were_skipped_are_reported(
    pile: Path, reader_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pile, tmp_path / "pile")
    (tmp_path / "pile" / "drawing.svg").touch()
    # Without --device, which no other test here leaves out.
    line = ["suggest", str(tmp_path / "pile"), "--init-from", str(reader_file), "--count", "1"]
    assert run(line) == 0
    said = capsys.readouterr()
    assert said.out.startswith("img_")
    assert "pile: 1 skipped: drawing.svg (not an image)\n" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--count", 13), "12 images are not labeled yet: cannot suggest 13"),
        (("--count", 1, "--exclude", "gone.txt"), "gone.txt: cannot be read"),
        (("--count", 1, "--exclude", __file__), "is not among the images; names are like 'img_00"),
    ],
)
def test_mistakes_are_one_line(
    pile: Path, reader_file: Path, arguments: tuple[object, ...], said: str
) -> None:
    done = suggest(pile, "--init-from", reader_file, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("captcha-ssl: error: ")
    assert said in line
