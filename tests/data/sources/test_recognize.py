from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.sources import open_source
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError


def test_a_folder_of_numbered_images_is_an_unlabeled_pile(pile):
    source = open_source(pile("00002.png", "00001.png", "sub/3.png"))
    assert source.kind == "folder of images"
    assert source.names == ["00001.png", "00002.png", "sub/3.png"]
    assert source.labels is None


def test_labels_in_names_are_recognized(pile):
    source = open_source(pile("ab_1.png", "cd_1.png"))
    assert source.kind == "labels in file names"
    assert source.labels == ["ab", "cd"]


def test_labels_are_the_same_whether_they_are_sought_or_required(pile):
    folder = pile("ab_x_0.png", "cd_y_1.png", "ef_z_2.png")
    found, required = open_source(folder), open_source(folder, want_labels=True)
    assert found.labels == required.labels == ["ab_x", "cd_y", "ef_z"]


def test_a_table_takes_precedence_over_names(pile):
    folder = pile("ab_1.png", "cd_1.png")
    (folder / "labels.csv").write_text("filename,label\nab_1.png,zz\n")
    source = open_source(folder)
    assert source.kind == "table of labels"
    assert source.labels == ["zz"]


def test_a_pile_is_all_images_also_those_that_the_table_does_not_know(pile):
    folder = pile("images/a.png", "images/b.png")
    (folder / "labels.csv").write_text("filename,label\na.png,x\n")
    source = open_source(folder, want_labels=False)
    assert source.names == ["images/a.png", "images/b.png"]
    assert source.labels is None


def test_a_table_given_by_its_name_is_read(pile):
    folder = pile("a.png")
    (folder / "train.tsv").write_text("a.png\tx\n")
    assert open_source(folder / "train.tsv").labels == ["x"]


@pytest.mark.parametrize(("format", "kind"), [("packed", "packed"), ("lmdb", "LMDB")])
def test_our_own_formats_are_recognized(tmp_path: Path, format: str, kind: str):
    size = {"count": 1, "channels": 1, "height": 4, "width": 9}
    with open_writer(tmp_path / "set", format, **size, about={}) as writer:
        writer.add(0, np.zeros((1, 4, 9), np.uint8), "a")
    assert open_source(tmp_path / "set").kind == kind


def test_whole_stems_are_labels_where_labels_are_asked_for(pile):
    assert open_source(pile("x7f.png", "q2p.png"), want_labels=True).labels == ["q2p", "x7f"]


def test_other_files_and_hidden_ones_are_not_images(pile):
    folder = pile("a.png", ".b.png", ".hidden/c.png")
    (folder / "notes.txt").write_text("x")
    assert open_source(folder).names == ["a.png"]


def test_endings_in_capitals_are_images(pile):
    assert len(open_source(pile("a.PNG", "b.JPG"))) == 2


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path):
    with pytest.raises(UserError, match=r"no dataset here; looked for dataset\.json.*labels\.csv"):
        open_source(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="gone: no such file or folder"):
        open_source(tmp_path / "gone")


def test_a_single_image_is_no_dataset(pile):
    with pytest.raises(UserError, match=r"a\.png: a single image; give a folder"):
        open_source(pile("a.png") / "a.png")


def test_required_labels_that_are_not_there_are_an_error(tmp_path: Path):
    size = {"count": 1, "channels": 1, "height": 4, "width": 9}
    with open_writer(tmp_path / "set", "packed", **size, about={}) as writer:
        writer.add(0, np.zeros((1, 4, 9), np.uint8), None)
    with pytest.raises(UserError, match=r"no labels; add a labels\.csv"):
        open_source(tmp_path / "set", want_labels=True)
