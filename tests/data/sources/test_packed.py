from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.sources.packed import PackedNames, open_packed
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    size = {"count": 3, "channels": 1, "height": 8, "width": 24}
    with open_writer(tmp_path / "set", "packed", **size, about={"seed": 1}) as writer:
        for index in range(3):
            writer.add(index, np.full((1, 8, 24), index, np.uint8), f"t{index}")
    return tmp_path / "set"


def test_pixels_are_mapped_from_the_file(packed: Path):
    assert isinstance(open_packed(packed, want_labels=True).pixels(), np.memmap)


def test_gray_pixels_are_read_as_rgb(packed: Path):
    image = open_packed(packed, want_labels=True).read(2)
    assert image.shape == (8, 24, 3)
    assert (image == 2).all()


def test_the_description_is_kept(packed: Path):
    assert open_packed(packed, want_labels=True).about["seed"] == 1


def test_labels_may_be_ignored(packed: Path):
    assert open_packed(packed, want_labels=False).labels is None


def test_images_without_a_usable_label_are_rejected(packed: Path):
    (packed / "labels.csv").write_text("index,label\n2,t2\n0,\n2,again\n9,t9\n-1,t\n")
    source = open_packed(packed, want_labels=True)
    assert source.labels == ["t2"]
    assert (source.read(0) == 2).all()
    assert (source.pixels() == 2).all()
    reasons = [entry.reason for entry in source.rejected]
    assert reasons.count("not the index of one image") == 3
    assert reasons.count("no label") == 2


@pytest.mark.parametrize("size", [0, 10, 300])
def test_truncated_pixels_are_refused(packed: Path, size: int):
    pixels = packed / "images.npy"
    pixels.write_bytes(pixels.read_bytes()[:size])
    with pytest.raises(UserError, match=r"images\.npy: damaged or incomplete"):
        open_packed(packed, want_labels=True)


def test_pickled_pixels_are_refused(packed: Path):
    np.save(packed / "images.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(UserError, match="damaged"):
        open_packed(packed, want_labels=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 4}, r"says uint8 \(4, 1, 8, 24\)"),
        ({"version": 2}, "version 2 is not known"),
        ({"format": "other"}, "not a captcha-ssl-packed description"),
    ],
)
def test_a_description_that_does_not_agree_is_refused(packed: Path, change, message: str):
    file = packed / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UserError, match=message):
        open_packed(packed, want_labels=True)


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_damaged_description_is_refused(packed: Path, text: str):
    (packed / "dataset.json").write_text(text)
    with pytest.raises(UserError, match=r"dataset\.json: not"):
        open_packed(packed, want_labels=True)


def test_names_are_built_on_request() -> None:
    names = PackedNames(range(10**12))
    assert len(names) == 10**12
    assert names[7] == "00007"
    assert names[-1] == "999999999999"
    assert list(names[3:6]) == ["00003", "00004", "00005"]
    assert list(PackedNames(np.array([4, 2]))) == ["00004", "00002"]
    assert "00002" in PackedNames([2]) and "00003" not in PackedNames([2])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0,1,234", "3 cells where 2 are expected"),
        ('0,"12', "quotation marks do not match"),
        ("9" * 5000 + ",A", "not the index of one image"),
        ("\u0661,A", "not the index of one image"),
        ('0,"1\n2"', "a line break in the label"),
    ],
)
def test_an_ambiguous_row_of_labels_is_rejected(packed: Path, row: str, reason: str):
    (packed / "labels.csv").write_text(f"index,label\n{row}\n2,t2\n", encoding="utf-8")
    source = open_packed(packed, want_labels=True)
    assert source.labels == ["t2"]
    assert source.rejected[0].reason.startswith(reason)
    assert len(source.rejected[0].row) < 200


@pytest.mark.parametrize(
    "shape", [(10**12, 1, 0, 64), (3, 0, 8, 24), (3, 2, 8, 24), (3, 1, 8, 0), (0, 1, 8, 24)]
)
def test_pixels_that_are_no_images_are_refused(packed: Path, shape: tuple[int, ...]):
    with (packed / "images.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(min(10_000, int(np.prod(shape, dtype=object)))))
    about = json.loads((packed / "dataset.json").read_text())
    about |= dict(zip(("count", "channels", "height", "width"), shape, strict=True))
    (packed / "dataset.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"images\.npy: (has an array|damaged)"):
        open_packed(packed, want_labels=None)


def test_a_description_of_endless_depth_is_refused(packed: Path):
    (packed / "dataset.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match="not readable as JSON"):
        open_packed(packed, want_labels=None)


def test_a_header_that_claims_more_bytes_than_can_be_counted_is_one_error(packed: Path, capfd):
    about = json.loads((packed / "dataset.json").read_text()) | {"count": 10**18}
    (packed / "dataset.json").write_text(json.dumps(about))
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**18, 1, 8, 24)}
    with (packed / "images.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(UserError, match=r"images\.npy: damaged or incomplete"):
        open_packed(packed, want_labels=False)
    assert capfd.readouterr().err == ""
