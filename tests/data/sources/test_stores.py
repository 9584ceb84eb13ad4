"""Rows of a table that lead into an archive or a database."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.data.convert import convert
from captcha_ssl.data.sources import open_source
from captcha_ssl.errors import UserError

COUNT = 6


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same six gray images, each in another shade, in every kind of store."""
    place = tmp_path_factory.mktemp("stores")
    pile = place / "pile"
    pile.mkdir()
    for shade in range(COUNT):
        cv2.imwrite(str(pile / f"{shade}.png"), np.full((8, 20, 3), 40 * shade, np.uint8))
    for name in ("packed", "shards/first", "shards/second", "one/only"):
        convert(pile, place / name, "packed")
    convert(pile, place / "lmdb", "lmdb")
    convert(pile, place / "tars", "webdataset")
    if find_spec("pyarrow"):
        convert(pile, place / "parquet", "parquet")
    shutil.make_archive(str(place / "deep"), "zip", place, "pile")
    return place


@pytest.mark.parametrize(
    "store", ["packed", "shards", "one", "lmdb", "tars", "parquet", "deep.zip", "tars/*.tar"]
)
def test_every_name_of_a_store_leads_back_to_its_image(stores: Path, store: str) -> None:
    path = next(iter(stores.glob(store)), None)
    if path is None:
        pytest.skip("pyarrow is not installed")
    inside = open_source(path, want_labels=False)
    count, name = len(inside), path.relative_to(stores).as_posix()
    rows = [f"{name}/{inside.names[place]},{place}\n" for place in reversed(range(count))]
    table = stores / "table.csv"
    table.write_text("filename,label\n" + "".join(rows))
    source = open_source(table, want_labels=True)
    assert (source.rejected, len(source)) == ([], count)
    for place, label in enumerate(source.labels or ()):
        np.testing.assert_array_equal(source.read(place), inside.read(int(label)))


def test_a_table_may_mix_files_and_stores_and_needs_no_header(stores: Path) -> None:
    table = stores / "mixed.tsv"
    table.write_text("packed/00002\tA\npile/3.png\tB\ndeep.zip\\4.png\tC\n")
    source = open_source(table, want_labels=True)
    assert list(source.names) == ["packed/00002", "pile/3.png", "deep.zip/4.png"]
    assert [int(source.read(place).mean()) for place in range(3)] == [80, 120, 160]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("packed/00006", "no such file"),
        ("packed/2", "no such file"),
        ("packed", "not a regular file (a folder, a pipe, or a broken link)"),
        ("deep.zip/gone.png", "no such file"),
        ("../packed/00002", "outside the dataset folder"),
    ],
)
def test_a_name_that_no_store_holds_is_rejected(stores: Path, row: str, reason: str) -> None:
    table = stores / "shards" / "table.csv" if row.startswith("..") else stores / "wrong.csv"
    table.write_text(f"filename,label\n{row},A\n{'first' if row[0] == '.' else 'packed'}/00001,B\n")
    source = open_source(table, want_labels=True)
    assert list(source.labels or ()) == ["B"]
    assert [entry.reason for entry in source.rejected] == [reason]
    table.unlink()


def test_an_image_that_is_named_twice_is_rejected_once(stores: Path) -> None:
    table = stores / "twice.csv"
    table.write_text("filename,label\npacked/00001,A\n./packed/00001,A\n")
    source = open_source(table, want_labels=True)
    assert [entry.reason for entry in source.rejected] == ["repeats line 2"]


def test_a_damaged_store_is_named(stores: Path) -> None:
    (stores / "bad.zip").write_bytes(b"PK\x03\x04 no archive")
    table = stores / "bad.csv"
    table.write_text("filename,label\nbad.zip/0.png,A\n")
    with pytest.raises(UserError, match=r"bad\.zip: not readable as a zip archive"):
        open_source(table, want_labels=True)
