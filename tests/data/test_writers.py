from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.sources import open_source
from captcha_ssl.data.writers import FORMATS, open_writer
from captcha_ssl.errors import UserError

ABOUT = {"style": "fast", "seed": 7}
LABELS = ["plain", 'quo"te', "com,ma", "ünïcode"]


def grid(seed: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (channels, 8, 24), np.uint8)


def write(out: Path, format: str, *, labels=LABELS, channels: int = 3, order=(2, 0, 3, 1)) -> None:
    size = {"count": 4, "channels": channels, "height": 8, "width": 24}
    with open_writer(out, format, **size, about=ABOUT) as writer:
        for index in order:
            label = None if labels is None else labels[index]
            writer.add(index, grid(index, channels), label)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_in_any_order_is_read_in_order(tmp_path: Path, format: str, channels: int):
    write(tmp_path / "out", format, channels=channels)
    source = open_source(tmp_path / "out")
    assert source.labels == LABELS
    assert not source.rejected
    for index in range(4):
        expected = np.broadcast_to(grid(index, channels), (3, 8, 24)).transpose(1, 2, 0)
        assert np.array_equal(source.read(index), expected)


@pytest.mark.parametrize("format", FORMATS)
def test_a_dataset_without_labels_is_an_unlabeled_pile(tmp_path: Path, format: str):
    write(tmp_path / "out", format, labels=None)
    source = open_source(tmp_path / "out")
    assert source.labels is None
    assert len(source) == 4


@pytest.mark.parametrize("format", FORMATS)
def test_what_the_images_are_is_kept_beside_them(tmp_path: Path, format: str):
    write(tmp_path / "out", format)
    file = "dataset.json" if format == "packed" else "about.json"
    assert ABOUT.items() <= json.loads((tmp_path / "out" / file).read_text()).items()


def test_packed_pixels_are_a_plain_numpy_array(tmp_path: Path):
    write(tmp_path / "out", "packed")
    images = np.load(tmp_path / "out" / "images.npy")
    assert np.array_equal(images, np.stack([grid(index) for index in range(4)]))


def test_the_same_images_make_the_same_bytes(tmp_path: Path):
    for name, order in (("a", (0, 1, 2, 3)), ("b", (3, 2, 1, 0))):
        write(tmp_path / name, "packed", order=order)
    for file in ("images.npy", "labels.csv", "dataset.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_leaves_nothing(tmp_path: Path, format: str, stop: type[BaseException]):
    size = {"count": 2, "channels": 1, "height": 8, "width": 24}
    with pytest.raises(stop), open_writer(tmp_path / "out", format, **size, about={}) as writer:
        writer.add(0, grid(0, 1), "a")
        raise stop
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_image_is_an_error(tmp_path: Path, format: str):
    with pytest.raises(ValueError, match="1 images were never added, the first is 1"):
        write(tmp_path / "out", format, order=(0, 2, 3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("index", "image"),
    [(4, grid(0)), (-1, grid(0)), (0, grid(0, 1)), (0, grid(0).astype(np.float32))],
)
def test_an_image_of_another_shape_is_refused(tmp_path: Path, index: int, image: np.ndarray):
    size = {"count": 4, "channels": 3, "height": 8, "width": 24}
    with (
        pytest.raises(ValueError),
        open_writer(tmp_path / "out", "packed", **size, about={}) as writer,
    ):
        writer.add(index, image, None)


def test_no_image_is_written_twice(tmp_path: Path):
    with pytest.raises(ValueError, match="already written"):
        write(tmp_path / "out", "packed", order=(0, 0, 1, 2))


@pytest.mark.parametrize("format", FORMATS)
def test_labels_for_some_images_only_are_refused(tmp_path: Path, format: str):
    with pytest.raises(ValueError, match="every image has a label or none"):
        write(tmp_path / "out", format, labels=["a", None, "b", "c"])


def test_existing_files_are_not_overwritten(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="out: already exists"):
        write(tmp_path / "out", "packed")
    assert (tmp_path / "out" / "mine.txt").read_text() == "precious"


def test_an_empty_folder_is_filled(tmp_path: Path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "packed")
    assert len(open_source(tmp_path / "out")) == 4


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "out", "packed")


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_is_reported_and_nothing_is_left(tmp_path: Path, format: str, monkeypatch):
    from captcha_ssl.data.writers import writer as module

    store = module.STORES[format]

    def full(*_arguments) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "put", full)
    with pytest.raises(UserError, match="No space left on device"):
        write(tmp_path / "out", format)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="'zip' is not known; choose from packed, folder, lmdb"):
        write(tmp_path / "out", "zip")
