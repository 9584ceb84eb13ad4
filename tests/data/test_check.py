from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.check import contact_sheet, inspect
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import open_source
from captcha_ssl.errors import UserError


def frames(width: int) -> int:
    return width // 4


@pytest.fixture
def labeled(pile) -> Path:
    folder = pile("a.png", "b.png", "c.png", "d.png")
    table = "filename,label\na.png,xx\nb.png,y\nc.png,xyz\ngone.png,q\n"
    (folder / "labels.csv").write_text(table)
    return folder


def test_labels_and_sizes_are_counted(labeled: Path, draw):
    Image.fromarray(draw(height=30, width=30)).save(labeled / "b.png")
    report = inspect(labeled, frames=frames)
    assert report.images == 3
    assert report.sizes == [(60, 20, 2), (30, 30, 1)]
    assert report.geometry == Geometry(1, 48, 144)
    assert report.labels.charset == "xyz"
    assert report.labels.characters == {"x": 3, "y": 2, "z": 1}
    assert report.labels.lengths == {1: 1, 2: 1, 3: 1}


def test_images_without_a_label_are_counted(labeled: Path):
    assert inspect(labeled, frames=frames).labels.unlabeled == 1


def test_every_unusable_row_is_listed(labeled: Path):
    (labeled / "c.png").write_bytes(b"")
    report = inspect(labeled, frames=frames)
    assert [(entry.row, entry.reason) for entry in report.rejected] == [
        ("labels.csv line 5: gone.png", "no such file"),
        ("c.png", "empty file (0 bytes)"),
    ]


def test_equal_pixels_are_duplicates_and_different_labels_a_conflict(labeled: Path, draw):
    Image.fromarray(draw(0)).save(labeled / "b.png")
    report = inspect(labeled, frames=frames)
    assert report.duplicates == 1
    assert report.labels.conflicts == [["a.png: xx", "b.png: y"]]


def test_equal_bytes_of_another_shape_are_no_duplicates(pile):
    folder = pile()
    folder.mkdir()
    for name, shape in (("a", (4, 9, 3)), ("b", (9, 4, 3))):
        Image.fromarray(np.zeros(shape, np.uint8)).save(folder / f"{name}.png")
    assert inspect(folder, frames=frames).duplicates == 0


def test_labels_too_long_for_the_frames_are_counted(labeled: Path):
    check = inspect(labeled, frames=lambda width: width // 72).labels.frames
    assert (check.needed, check.available, check.labels_too_long) == (3, 2, 2)
    assert check.width_that_would_do == 216


def test_a_pile_has_no_label_report(pile):
    assert inspect(pile("1.png", "2.png"), frames=frames).labels is None


def test_the_report_is_json(labeled: Path):
    report = inspect(labeled, frames=frames)
    assert json.loads(json.dumps(report.to_json()))["labels"]["charset"] == "xyz"


def test_a_dataset_without_one_usable_image_is_an_error(pile):
    folder = pile("1.png")
    (folder / "1.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"no usable image, first 1\.png: not an image"):
        inspect(folder, frames=frames)


def test_the_sheet_skips_unreadable_images(labeled: Path, tmp_path: Path):
    (labeled / "a.png").write_bytes(b"")
    contact_sheet(open_source(labeled), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 200


def test_files_beside_the_images_are_named(labeled: Path):
    (labeled / "notes.txt").write_text("x")
    (labeled / "Other.csv").write_text("x")
    report = inspect(labeled, frames=frames)
    assert {entry.row: entry.reason for entry in report.aside} == {
        "Other.csv": "a table; to read it, name it on the command line",
        "notes.txt": "not an image",
    }


def test_images_that_show_nothing_are_counted(labeled: Path):
    Image.new("L", (60, 20), 200).save(labeled / "b.png")
    assert inspect(labeled, frames=frames).blank == ["b.png"]


def test_suspicious_labels_are_counted(labeled: Path):
    table = "filename,label\na.png,a\u200bb\nb.png,\u05d0\u05d1\nc.png,e\u0301\n"
    (labeled / "labels.csv").write_text(table, encoding="utf-8")
    report = inspect(labeled, frames=lambda width: width)
    assert (report.labels.hidden, report.labels.right_to_left) == (1, 1)
    assert "é" in report.labels.charset and "\u0301" not in report.labels.charset
    assert report.notes == ["1 labels are in decomposed form (NFD) and are read as composed (NFC)"]
