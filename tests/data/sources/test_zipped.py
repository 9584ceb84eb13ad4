"""Zip archives as other programs write them: nothing is left out without a word."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.sources import open_source


def picture(level: int) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((8, 20, 3), level, np.uint8)).save(file, "PNG")
    return file.getvalue()


def zipped(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path / "pile.zip", "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return path / "pile.zip"


def test_folders_may_end_with_backslashes(tmp_path: Path) -> None:
    table = b"filename,label\nA.png,XY\nb\\B.png,Z\n"
    members = [("p\\A.png", picture(10)), ("p\\b\\B.png", picture(20)), ("p\\labels.csv", table)]
    source = open_source(zipped(tmp_path, members), want_labels=True)
    found = dict(zip(source.names, source.labels or (), strict=True))
    assert found == {"A.png": "XY", "b/B.png": "Z"}
    assert [int(source.read(i).mean()) for i in range(2)] == [10, 20]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_not_read_is_noted(tmp_path: Path) -> None:
    members = [("a.png", picture(1)), ("a.png", picture(2)), ("../up.png", picture(3))]
    members += [("/root.png", picture(4)), ("b.png", picture(5)), ("deep/labels.csv", b"x,y\n")]
    members += [("__MACOSX/._a.png", b""), (".hidden.png", b""), ("about.json", b"{}")]
    source = open_source(zipped(tmp_path, members))
    assert list(source.names) == ["a.png", "b.png"]
    assert list(source.notes) == [
        "4 skipped: a.png (another member has the same name), ../up.png (leads out of the "
        "archive), /root.png (leads out of the archive), …"
    ]
