"""Datasets: whole or nothing, and the same by every way to write them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.sources import open_source
from captcha_ssl.errors import UserError
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings

PICTURE = PictureSettings(style="fast", length="3-5", seed=9)


def _job(**changes: object) -> GenerateSettings:
    return GenerateSettings(**{"count": 11, "workers": 1, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["packed", "folder", "lmdb"])
def test_every_format_holds_the_rendered_pictures(tmp_path: Path, format: str) -> None:
    generate(tmp_path / "set", PICTURE, _job(format=format))
    source = open_source(tmp_path / "set")
    assert source.labels is not None
    assert len(source) == 11
    for index in range(11):
        image, text = render(PICTURE, index)
        assert source.labels[index] == text
        np.testing.assert_array_equal(source.read(index), image.transpose(1, 2, 0))


@pytest.mark.parametrize("format", ["packed", "folder", "lmdb"])
def test_two_workers_write_what_one_does(tmp_path: Path, format: str) -> None:
    # More pictures than fit a chunk, in a shard that does not begin at 0.
    for workers in (1, 2):
        job = _job(count=300, format=format, workers=workers, shard="2/2")
        generate(tmp_path / str(workers), PICTURE, job)
    one, two = (open_source(tmp_path / str(workers)) for workers in (1, 2))
    assert one.labels == two.labels
    assert len(one) == len(two) == 150
    for index in range(150):
        np.testing.assert_array_equal(one.read(index), two.read(index))


def test_shards_end_to_end_are_the_whole(tmp_path: Path) -> None:
    generate(tmp_path / "whole", PICTURE, _job())
    parts = []
    for part in (1, 2, 3):
        generate(tmp_path / f"part{part}", PICTURE, _job(shard=f"{part}/3"))
        parts.append(np.load(tmp_path / f"part{part}" / "images.npy"))
    assert {len(part) for part in parts} == {3, 4}
    np.testing.assert_array_equal(np.concatenate(parts), np.load(tmp_path / "whole" / "images.npy"))


def test_a_larger_dataset_begins_with_the_smaller(tmp_path: Path) -> None:
    generate(tmp_path / "small", PICTURE, _job(count=4))
    generate(tmp_path / "large", PICTURE, _job(count=9))
    small, large = (np.load(tmp_path / name / "images.npy") for name in ("small", "large"))
    np.testing.assert_array_equal(large[:4], small)


def test_the_dataset_says_what_it_was_made_from(tmp_path: Path) -> None:
    indices = generate(tmp_path / "set", PICTURE, _job(shard="2/2"))
    about = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert indices == range(5, 11)
    assert (about["seed"], about["style"], about["first"]) == (9, "fast", 5)
    assert set(about["charset"]) == set(PICTURE.charset)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b", "1/0", "-1/2", "5/12"])
def test_a_missing_shard_is_a_clear_error(tmp_path: Path, shard: str) -> None:
    with pytest.raises(UserError, match="shard"):
        generate(tmp_path / "set", PICTURE, _job(shard=shard))
    assert not list(tmp_path.iterdir())


def test_without_a_count_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--count"):
        generate(tmp_path / "set", PICTURE, _job(count=None))
    assert not list(tmp_path.iterdir())


def test_an_existing_dataset_is_kept(tmp_path: Path) -> None:
    generate(tmp_path / "set", PICTURE, _job(count=2))
    before = (tmp_path / "set" / "images.npy").read_bytes()
    with pytest.raises(UserError, match="exists"):
        generate(tmp_path / "set", PICTURE, _job(count=3))
    assert (tmp_path / "set" / "images.npy").read_bytes() == before


def test_an_interruption_leaves_nothing_and_a_second_try_gives_the_same(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "set", PICTURE, _job(), progress=interrupt)
    assert not list(tmp_path.iterdir())
    generate(tmp_path / "set", PICTURE, _job())
    images = np.load(tmp_path / "set" / "images.npy")
    np.testing.assert_array_equal(images[4], render(PICTURE, 4)[0])


def test_progress_counts_up_to_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    job = _job(count=150)
    generate(tmp_path / "set", PICTURE, job, progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert len(seen) > 1
    assert seen[-1] == (150, 150)


@pytest.mark.parametrize("channels", [1, 3])
def test_preview_is_a_sheet_of_pictures(tmp_path: Path, channels: int) -> None:
    picture = PictureSettings(channels=channels, style="fast")
    generate(tmp_path / "set", picture, _job(), preview=tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > picture.width * 3
        assert len(set(sheet.convert("L").get_flattened_data())) > 50


@pytest.mark.parametrize("name", ["set/sheet.png", "sheet.unknown"])
def test_a_preview_that_cannot_be_written_costs_no_dataset(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="sheet"):
        generate(tmp_path / "set", PICTURE, _job(), preview=tmp_path / name)
    assert not list(tmp_path.iterdir())
