"""`captcha-ssl neighbors` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.warm.program import run_warm as run

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).parents[2] / "captcha_ssl/shipped/model-32.safetensors"


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "pile"
    assert run("generate", out, "--count", 20, "--channels", 1, "-q").returncode == 0
    return out


def test_the_sheet_is_drawn_and_named(pile: Path, tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    done = run("neighbors", pile, file, "--init-from", SHIPPED, "--rows", 3, "--count", 2, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}\n", "")
    assert Image.open(file).width > 3 * 96


def test_a_name_that_is_no_png_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    done = run("neighbors", tmp_path / "none", tmp_path / "s.gif", "--init-from", SHIPPED)
    assert done.returncode == 2
    assert "s.gif: not the name of a PNG; use a name that ends in .png" in done.stderr


def test_more_neighbors_than_images_are_one_line(pile: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    assert run("generate", few, "--count", 2, "-q").returncode == 0
    done = run("neighbors", few, tmp_path / "s.png", "--init-from", SHIPPED, "-q")
    assert done.returncode == 2
    assert done.stderr == ("captcha-ssl: error: 2 images have no 5 neighbors each; ask for fewer\n")
    assert not (tmp_path / "s.png").exists()
