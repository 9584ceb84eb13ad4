"""From every format that can be written to every other, and back, with nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.data.convert import convert
from captcha_ssl.data.sources import open_source
from captcha_ssl.data.writers import FORMATS
from captcha_ssl.errors import UserError

TEXTS = ["AB", "ü, 1", "C D", '"q"', "7"]


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    """A labeled folder of images of several sizes, some gray, some in color."""
    folder = tmp_path / "pile"
    folder.mkdir()
    rows = []
    rng = np.random.default_rng(0)
    for place, text in enumerate(TEXTS):
        shape = (20 + place, 30 + 3 * place, 1 if place % 2 else 3)
        cv2.imwrite(str(folder / f"{place}.png"), rng.integers(0, 256, shape, np.uint8))
        quoted = text.replace('"', '""')
        rows.append(f'{place}.png,"{quoted}"\n')
    (folder / "labels.csv").write_text("filename,label\n" + "".join(rows))
    return folder


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "packed"])
def test_a_format_keeps_every_pixel_and_every_text(pile: Path, tmp_path: Path, format: str) -> None:
    if format == "parquet":
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    done = convert(pile, tmp_path / "out", format)
    assert (done.images, done.labeled, done.rejected) == (5, True, [])
    before, after = open_source(pile), open_source(tmp_path / "out", want_labels=True)
    assert after.labels == TEXTS and after.rejected == [] and not after.notes
    for index in range(5):
        assert np.array_equal(after.read(index), before.read(index))
    # And on to another one.
    convert(tmp_path / "out", tmp_path / "again", "folder")
    assert open_source(tmp_path / "again").labels == TEXTS


def test_packed_has_one_size_for_all(pile: Path, tmp_path: Path) -> None:
    done = convert(pile, tmp_path / "out", "packed", channels=1, height=32)
    source = open_source(tmp_path / "out")
    assert source.labels == TEXTS
    assert done.geometry is not None and done.geometry.height == 32
    expected = done.geometry.fit(open_source(pile).read(3))
    assert np.array_equal(source.read(3)[..., 0], expected[0])


@pytest.mark.parametrize("format", FORMATS)
def test_a_pile_without_labels_stays_one(pile: Path, tmp_path: Path, format: str) -> None:
    if format == "parquet":
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    assert not convert(pile, tmp_path / "out", format, labels=False).labeled
    source = open_source(tmp_path / "out", want_labels=False)
    assert len(source) == 5 and open_source(tmp_path / "out").labels is None


def test_several_sources_become_one(
    pile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(pile), str(pile / "labels.csv"), str(tmp_path / "out")]
    assert run(["convert", *given, "--format", "webdataset"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'out'}\n"
    assert "10 labeled images as webdataset" in said.err
    assert open_source(tmp_path / "out").labels == TEXTS * 2


def test_skipped_images_are_reported_with_exit_code_1(
    pile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pile / "2.png").write_bytes(b"no image")
    given = ["convert", str(pile), str(tmp_path / "out"), "--format", "folder"]
    assert run(given) == 2
    assert "1 of 5 rows cannot be used (limit 1.0%), first 2.png" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*given, "--max-bad", "0.5"]) == 1
    assert "left out: 2.png: not an image" in capsys.readouterr().err
    assert open_source(tmp_path / "out").labels == [*TEXTS[:2], *TEXTS[3:]]


def test_nothing_is_overwritten_and_mistakes_are_one_line(pile: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="already exists"):
        convert(pile, pile, "folder")
    with pytest.raises(UserError, match="format 'zip' is not known"):
        convert(pile, tmp_path / "out", "zip")
    with pytest.raises(UserError, match="1 for gray or 3 for color"):
        convert(pile, tmp_path / "out", "packed", channels=2)


def test_generate_writes_the_new_formats_too(
    tmp_path: Path, read_all: Callable[[Path], list[str]]
) -> None:
    given = ["--count", "7", "--style", "fast", "--quiet"]
    expected = None
    for format in ("packed", "webdataset", "huggingface"):
        out = tmp_path / format
        assert run(["generate", str(out), *given, "--format", format]) == 0
        expected = expected or read_all(out)
        assert read_all(out) == expected


@pytest.fixture
def read_all() -> Callable[[Path], list[str]]:
    return lambda folder: list(open_source(folder, want_labels=True).labels or ())
