from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.dataset import load_dataset, load_pile
from captcha_ssl.data.fingerprint import fingerprint
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import JoinedImages
from captcha_ssl.data.rejected import write_rejected
from captcha_ssl.data.sources import Rejected
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError


@pytest.fixture
def labeled(pile) -> Path:
    folder = pile("a.png", "b.png", "c.png")
    (folder / "labels.csv").write_text("filename,label\nc.png,z3\na.png,x1\nb.png,yy\n")
    return folder


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    size = {"count": 4, "channels": 1, "height": 32, "width": 64}
    with open_writer(tmp_path / "set", "packed", **size, about={}) as writer:
        for index in range(4):
            writer.add(index, np.full((1, 32, 64), index, np.uint8), f"t{index}")
    return tmp_path / "set"


def test_images_labels_and_names_keep_the_order_of_the_source(labeled: Path, draw):
    dataset = load_dataset(labeled, labeled=True)
    assert dataset.names == ["c.png", "a.png", "b.png"]
    assert dataset.labels == ["z3", "x1", "yy"]
    for image, seed in zip(dataset.images, (2, 0, 1), strict=True):
        assert np.array_equal(image, dataset.geometry.fit(draw(seed)))


def test_the_geometry_is_inferred_from_the_images(labeled: Path):
    dataset = load_dataset(labeled, labeled=True, channels=3, height=16)
    assert dataset.geometry == Geometry(3, 16, 48)
    assert dataset.images.shape == (3, 3, 16, 48)


def test_the_geometry_of_a_model_wins(labeled: Path):
    geometry = Geometry(3, 10, 30)
    dataset = load_dataset(labeled, labeled=True, geometry=geometry, height=99, width=99)
    assert dataset.geometry == geometry


def test_many_images_keep_their_order(tmp_path: Path):
    size = {"count": 1_000, "channels": 1, "height": 4, "width": 16}
    with open_writer(tmp_path / "set", "folder", **size, about={}) as writer:
        for index in range(1_000):
            writer.add(index, np.full((1, 4, 16), index % 251, np.uint8), str(index))
    seen = []
    dataset = load_dataset(
        tmp_path / "set", labeled=True, height=4, progress=lambda *step: seen.append(step)
    )
    assert dataset.images[:, 0, 0, 0].tolist() == [int(label) % 251 for label in dataset.labels]
    assert seen[-1] == (1_000, 1_000)


def test_packed_pixels_of_the_same_geometry_are_not_copied(packed: Path):
    assert isinstance(load_dataset(packed, labeled=True).images, np.memmap)


def test_packed_parts_of_the_same_geometry_stay_mapped(packed: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(packed, tmp_path / "shards" / name)
    joined = load_dataset([packed, tmp_path / "shards"], labeled=True)
    assert isinstance(joined.images, JoinedImages)
    assert isinstance(joined.images[4:8], np.memmap)
    np.testing.assert_array_equal(joined.images[:][:, 0, 0, 0], [0, 1, 2, 3] * 3)
    # One that has to be fitted is a reason to copy them all.
    size = {"count": 1, "channels": 1, "height": 16, "width": 64}
    with open_writer(tmp_path / "small", "packed", **size, about={}) as writer:
        writer.add(0, np.full((1, 16, 64), 9, np.uint8), "t9")
    mixed = load_dataset([packed, tmp_path / "small"], labeled=True, geometry=Geometry(1, 32, 64))
    assert isinstance(mixed.images, np.ndarray) and len(mixed) == 5


def test_joined_parts_have_their_own_fingerprint(packed: Path, tmp_path: Path) -> None:
    shutil.copytree(packed, tmp_path / "other")
    both = load_dataset([packed, tmp_path / "other"], labeled=True)
    assert (
        both.fingerprint() == load_dataset([packed, tmp_path / "other"], labeled=True).fingerprint()
    )
    turned = load_dataset([tmp_path / "other", packed], labeled=True).fingerprint()
    assert both.fingerprint()["names"] != turned["names"]
    copied = np.asarray(both.images)
    assert fingerprint(copied, both.geometry)["pixels"] == both.fingerprint()["pixels"]


def test_packed_pixels_of_another_geometry_are_fitted(packed: Path):
    dataset = load_dataset(packed, labeled=False, geometry=Geometry(3, 16, 32))
    assert dataset.images[:, 2, 5, 5].tolist() == [0, 1, 2, 3]


def test_a_pile_has_no_labels(labeled: Path):
    assert load_dataset(labeled, labeled=False).labels is None


def test_take_keeps_images_labels_and_names_together(packed: Path):
    taken = load_dataset(packed, labeled=True).take(np.array([3, 0]))
    assert taken.images[:, 0, 0, 0].tolist() == [3, 0]
    assert taken.labels == ["t3", "t0"]
    assert taken.names == ["00003", "00000"]
    assert len(taken) == 2


def test_unreadable_images_are_skipped_up_to_the_limit(labeled: Path, draw):
    (labeled / "a.png").write_bytes(b"")
    dataset = load_dataset(labeled, labeled=True, max_bad=0.5)
    assert dataset.labels == ["z3", "yy"]
    assert np.array_equal(dataset.images[1], dataset.geometry.fit(draw(1)))
    assert dataset.rejected == [Rejected("a.png", "empty file (0 bytes)")]


def test_more_unusable_rows_than_the_limit_are_an_error(labeled: Path):
    (labeled / "a.png").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"1 of 3 rows cannot be used \(33\.3%, limit 1\.0%\), firs"
    ):
        load_dataset(labeled, labeled=True)


def test_rejected_rows_of_a_table_count_too(labeled: Path):
    with (labeled / "labels.csv").open("a") as table:
        table.write("gone.png,q\n")
    with pytest.raises(UserError, match="gone.png: no such file"):
        load_dataset(labeled, labeled=True)


def test_a_table_without_a_usable_row_says_why(pile):
    folder = pile("a.png")
    (folder / "labels.csv").write_text("filename,label\nb.png,x\n")
    with pytest.raises(UserError, match=r"1 of 1 rows cannot be used.*b\.png: no such file"):
        load_dataset(folder, labeled=True)


def test_a_pile_without_a_readable_image_says_why(pile):
    folder = pile("a.png")
    (folder / "a.png").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"no image of 1 can be read, first a\.png: not an image"):
        load_dataset(folder, labeled=False)


def test_a_label_too_long_for_the_frames_is_named_with_a_sufficient_width(labeled: Path):
    wanted = r"b\.png: label 'yy' needs 3 frames.*96 pixels wide give 2; a width of 144 is enough"
    with pytest.raises(UserError, match=wanted):
        load_dataset(labeled, labeled=True, frames=lambda width: width // 48)


def test_labels_that_fit_pass(labeled: Path):
    dataset = load_dataset(labeled, labeled=True, frames=lambda width: width // 32)
    assert len(dataset) == 3


def test_rejected_rows_are_listed_in_a_file(tmp_path: Path):
    write_rejected(tmp_path / "bad.csv", [Rejected("a,b.png", "no such file")])
    rows = list(csv.reader((tmp_path / "bad.csv").open()))
    assert rows == [["row", "reason"], ["a,b.png", "no such file"]]


def test_a_list_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "dir").mkdir()
    with pytest.raises(UserError, match="dir: cannot be written"):
        write_rejected(tmp_path / "dir", [])


def test_a_few_wide_images_that_decide_the_width_are_noted(pile, draw) -> None:
    folder = pile(*(f"{number:02}.png" for number in range(40)))
    assert load_dataset(folder, labeled=False).notes == []
    Image.fromarray(draw(0, width=500)).save(folder / "07.png")
    loaded = load_dataset(folder, labeled=False)
    assert loaded.geometry.width == 800
    (note,) = loaded.notes
    assert "95% of the images fit into 96 pixels, but all take 800 for a few like 07.png" in note
    assert load_pile(folder, "off").notes == [note]
    assert load_dataset(folder, labeled=False, width=96).notes == []
    assert load_dataset(folder, labeled=False, geometry=loaded.geometry).notes == []


def test_of_a_large_pile_a_sample_is_read(packed: Path, pile, draw) -> None:
    folder = pile(*(f"{number:02}.png" for number in range(10)))
    read = load_pile(folder, "off", most=4)
    assert read.names == ["00.png", "03.png", "06.png", "09.png"]
    assert read.notes[-1] == "4 of 10 images are read, spread evenly"
    for image, seed in zip(read.images, (0, 3, 6, 9), strict=True):
        assert np.array_equal(image, read.geometry.fit(draw(seed)))
    whole = load_pile(folder, "off", most=10)
    assert len(whole) == 10 and not whole.notes
    # A packed pile costs no memory.
    mapped = load_pile(packed, "off", most=2)
    assert len(mapped) == 4 and isinstance(mapped.images, np.memmap)
