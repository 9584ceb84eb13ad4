from __future__ import annotations

import struct
import unicodedata
from io import BytesIO
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.image import ImageError
from captcha_ssl.data.sources.lmdb import open_lmdb
from captcha_ssl.errors import UserError


def write(folder: Path, records: dict[bytes, bytes]) -> Path:
    with lmdb.open(str(folder), map_size=1 << 20) as database, database.begin(write=True) as txn:
        for key, value in records.items():
            txn.put(key, value)
    return folder


@pytest.fixture
def records(draw) -> dict[bytes, bytes]:
    made = {b"num-samples": b"2"}
    for index in (1, 2):
        buffer = BytesIO()
        Image.fromarray(draw(index)).save(buffer, format="PNG")
        made[b"image-%09d" % index] = buffer.getvalue()
        made[b"label-%09d" % index] = f"té{index}".encode()
    return made


def test_records_count_from_one(tmp_path: Path, records, draw):
    source = open_lmdb(write(tmp_path / "db", records), want_labels=None)
    assert source.labels == ["té1", "té2"]
    assert np.array_equal(source.read(1), draw(2))


def test_records_without_labels_are_an_unlabeled_pile(tmp_path: Path, records):
    del records[b"label-000000001"], records[b"label-000000002"]
    source = open_lmdb(write(tmp_path / "db", records), want_labels=None)
    assert source.labels is None
    assert len(source) == 2


@pytest.mark.parametrize("label", [None, b"", b"\xff"])
def test_a_label_that_is_not_text_is_rejected(tmp_path: Path, records, draw, label: bytes | None):
    del records[b"label-000000001"]
    if label is not None:
        records[b"label-000000001"] = label
    source = open_lmdb(write(tmp_path / "db", records), want_labels=True)
    assert [entry.row for entry in source.rejected] == ["image-000000001"]
    assert np.array_equal(source.read(0), draw(2))


def test_a_missing_image_is_named(tmp_path: Path, records):
    del records[b"image-000000002"]
    source = open_lmdb(write(tmp_path / "db", records), want_labels=None)
    with pytest.raises(ImageError, match="image-000000002: not in the database"):
        source.read(1)


def test_the_same_database_can_be_open_twice(tmp_path: Path, records):
    folder = write(tmp_path / "db", records)
    first, second = (open_lmdb(folder, want_labels=want) for want in (True, False))
    assert np.array_equal(first.read(0), second.read(0))


def test_a_database_of_another_layout_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no num-samples record"):
        open_lmdb(write(tmp_path / "db", {b"a": b"b"}), want_labels=None)


def test_a_database_with_fewer_records_than_it_says_is_refused(tmp_path: Path, records):
    records[b"num-samples"] = b"999999999999"
    with pytest.raises(UserError, match="incomplete, 999,999,999,999 samples in 5 records"):
        open_lmdb(write(tmp_path / "db", records), want_labels=None)


@pytest.mark.parametrize("size", [0, 100])
def test_a_damaged_database_is_refused(tmp_path: Path, records, size: int):
    data = write(tmp_path / "db", records) / "data.mdb"
    data.write_bytes(data.read_bytes()[:size])
    with pytest.raises(UserError, match="not a readable LMDB database|no num-samples"):
        open_lmdb(tmp_path / "db", want_labels=None)


def test_a_truncated_database_is_refused_without_a_crash(tmp_path: Path):
    import subprocess
    import sys

    folder = tmp_path / "lmdb"
    with lmdb.open(str(folder), map_size=2**24) as env, env.begin(write=True) as transaction:
        transaction.put(b"num-samples", b"300")
        for index in range(1, 301):
            transaction.put(b"image-%09d" % index, bytes(2000))
            transaction.put(b"label-%09d" % index, b"A")
    file = folder / "data.mdb"
    file.write_bytes(file.read_bytes()[:200_000])
    command = [sys.executable, "-m", "captcha_ssl", "check-data", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2, result.returncode
    assert result.stderr.count("\n") == 1 and "incomplete" in result.stderr


@pytest.mark.parametrize("label", [b"12\r", b" 12 ", b"12\r\n", b"\t12"])
def test_whitespace_around_a_label_is_removed(tmp_path: Path, records, label: bytes):
    records[b"label-000000001"] = label
    assert open_lmdb(write(tmp_path / "db", records), want_labels=None).labels[0] == "12"


def test_a_label_of_two_lines_is_rejected(tmp_path: Path, records):
    records[b"label-000000001"] = b"1\r2"
    source = open_lmdb(write(tmp_path / "db", records), want_labels=None)
    assert source.labels == ["té2"]
    assert "line break" in source.rejected[0].reason


def test_labels_are_composed(tmp_path: Path, records):
    records[b"label-000000001"] = unicodedata.normalize("NFD", "té1").encode()
    source = open_lmdb(write(tmp_path / "db", records), want_labels=None)
    assert source.labels == ["té1", "té2"]
    assert "decomposed" in source.notes[0]


@pytest.mark.parametrize("claimed", [b"9" * 5000, b"1000000000000"])
def test_a_forged_number_of_records_ends_at_once(tmp_path: Path, records, claimed: bytes):
    records[b"num-samples"] = claimed
    data = write(tmp_path / "db", records) / "data.mdb"
    forged = bytearray(data.read_bytes())
    for page in (0, 4096):
        # The number of entries of the main tree, in either head of the file (lmdb's MDB_meta).
        struct.pack_into("<Q", forged, page + 16 + 24 + 48 + 32, 1 << 60)
    data.write_bytes(forged)
    with pytest.raises(UserError, match="incomplete, .* samples in [0-9,]+ records"):
        open_lmdb(tmp_path / "db", want_labels=None)
