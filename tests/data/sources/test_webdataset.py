"""Tar shards without labels: counted at once, and read when their images are asked for."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.data.image import ImageError
from captcha_ssl.data.sources import open_source, tar_shard
from captcha_ssl.data.sources.tar_shard import SIZES
from captcha_ssl.data.sources.webdataset import open_tar
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nine images in shards of four, four and one."""
    monkeypatch.setattr("captcha_ssl.data.writers.webdataset._PER_SHARD", 4)
    folder = tmp_path / "tars"
    with open_writer(
        folder, "webdataset", count=9, channels=1, height=16, width=16, about={}
    ) as writer:
        for index in range(9):
            writer.add(index, np.full((1, 16, 16), 20 * index, np.uint8), None)
    return folder


def test_what_writes_shards_counts_them_for_what_reads_them(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(json.loads((shards / SIZES).read_text()).values()) == [4, 4, 1]
    monkeypatch.setattr(tar_shard, "first_images", lambda *of: pytest.fail("headers are read"))
    assert len(open_source(shards, want_labels=False)) == 9


def test_shards_without_a_table_are_counted_and_their_images_are_the_same(shards: Path) -> None:
    told = load_dataset(shards, labeled=False, height=16, width=16)
    (shards / SIZES).unlink()
    counted = load_dataset(shards, labeled=False, height=16, width=16)
    assert told.images[:, 0, 0, 0].tolist() == [20 * index for index in range(9)]
    assert np.array_equal(told.images, counted.images)
    assert list(told.names) == list(counted.names)
    assert told.names[4] == "shard-000001.tar/000000004.png"
    assert told.fingerprint() == counted.fingerprint()


def test_few_shards_are_open_at_once(shards: Path) -> None:
    tar_shard._opened.cache_clear()
    source = open_source([shards] * 20, want_labels=False)
    for index in range(0, len(source), 4):
        source.read(index)
    assert tar_shard._opened.cache_info().currsize == tar_shard._OPEN_AT_ONCE


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[1", "not readable as JSON"),
        ('{"shard-000000.tar": "4"}', "not the images of each shard"),
        ('{"shard-000000.tar": true}', "not the images of each shard"),
        ('{"shard-000000.tar": -1}', "-1 images cannot be in shard-000000.tar"),
        ('{"shard-000000.tar": 1000000}', "1,000,000 images cannot be in shard-000000.tar"),
    ],
)
def test_a_table_that_cannot_be_true_is_an_error(shards: Path, table: str, said: str) -> None:
    (shards / SIZES).write_text(table)
    with pytest.raises(UserError, match=said):
        open_source(shards, want_labels=False)


def test_a_table_that_is_not_true_is_noticed_by_reading(shards: Path) -> None:
    (shards / SIZES).write_text('{"shard-000000.tar": 3, "shard-000001.tar": 6}')
    few, many = (open_tar(shards / f"shard-00000{n}.tar", False) for n in (0, 1))
    with pytest.raises(UserError, match=r"holds more than the 3 images that sizes\.json counts"):
        few.read(2)
    assert many.read(3)[0, 0, 0] == 140
    with pytest.raises(ImageError, match=r"not in shard-000001\.tar, though sizes\.json counts it"):
        many.read(4)


@pytest.mark.parametrize("labeled", [None, False])
def test_further_images_of_a_sample_are_noted(tmp_path: Path, labeled: bool | None) -> None:
    file = BytesIO()
    Image.fromarray(np.zeros((8, 20, 3), np.uint8)).save(file, "PNG")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("shot.1.png", "shot.2.png", "other.png", "shot.3.png"):
            member = tarfile.TarInfo(name)
            member.size = len(file.getvalue())
            archive.addfile(member, BytesIO(file.getvalue()))
    source = open_source(tmp_path / "a.tar", want_labels=labeled)
    assert list(source.names) == ["shot.1.png", "other.png"]
    assert list(source.notes) == [
        "2 images skipped: an earlier one has the same name up to the first dot, first shot.2.png"
    ]
