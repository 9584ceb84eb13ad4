from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.sources.table import open_table
from captcha_ssl.errors import UserError


@pytest.fixture
def table(pile):
    """Three images, and a table of the given text beside them."""

    def make(text: str, *, name: str = "labels.csv", images: str = ""):
        folder = pile(*(f"{images}{stem}.png" for stem in "abc"))
        (folder / name).write_text(text, encoding="utf-8")
        return open_table(folder / name, want_labels=None)

    return make


@pytest.mark.parametrize("header", ["filename,label", "name,label", "path,label", "Filename,Label"])
def test_a_header_may_call_the_column_of_paths_what_it_likes(table, header: str):
    source = table(f"{header}\na.png,x1\nb.png,007\n")
    assert source.names == ["a.png", "b.png"]
    assert source.labels == ["x1", "007"]


def test_columns_may_stand_in_any_order_among_others(table):
    source = table("split,label,filename\ntrain,x1,a.png\n")
    assert (source.names, source.labels) == (["a.png"], ["x1"])


@pytest.mark.parametrize("images", ["", "images/"])
@pytest.mark.parametrize("name", ["labels.tsv", "labels.txt"])
def test_paddle_ocr_tables_have_no_header(table, name: str, images: str):
    source = table('a.png\tx"1\nb.png\ty, 2\n', name=name, images=images)
    assert source.labels == ['x"1', "y, 2"]


def test_images_may_lie_in_a_folder_beside_the_table(table, draw):
    source = table("filename,label\nb.png,y\n", images="images/")
    assert source.names == ["images/b.png"]
    assert np.array_equal(source.read(0), draw(1))


@pytest.mark.parametrize("text", ["\ufefffilename,label\na.png,x\n", "filename;label\na.png;x\n"])
def test_tables_from_spreadsheets_are_understood(table, text: str):
    assert table(text).labels == ["x"]


def test_quoted_labels_may_hold_the_delimiter(table):
    assert table('filename,label\na.png,"x,""1"""\n').labels == ['x,"1"']


def test_windows_line_ends_and_blank_lines_do_not_matter(table):
    assert table("filename,label\r\na.png,x\r\n\r\nb.png,y\r\n").labels == ["x", "y"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("gone.png,x", "no such file"),
        (",x", "no such file"),
        ("a.png,", "empty label"),
        ("a.png,  ", "empty label"),
        ("a.png", "empty label"),
        ("../../outside.png,x", "outside the dataset folder"),
        ("/etc/hostname,x", "outside the dataset folder"),
        (f"{'a' * 5000}.png,x", "no such file"),
    ],
)
def test_an_unusable_row_is_rejected_with_its_line_and_reason(table, row: str, reason: str):
    source = table(f"filename,label\nc.png,z\n{row}\n")
    assert source.labels == ["z"]
    assert [entry.reason for entry in source.rejected] == [reason]
    assert source.rejected[0].row.startswith("labels.csv line 3: ")


def test_a_row_does_not_reach_a_file_outside_the_folder(table, tmp_path: Path):
    (tmp_path / "secret.png").write_bytes(b"x")
    source = table("filename,label\n../secret.png,x\n")
    assert not source.names
    assert source.rejected[0].reason == "outside the dataset folder"


def test_an_absolute_path_into_the_folder_is_fine(pile):
    folder = pile("a.png")
    (folder / "labels.csv").write_text(f"filename,label\n{folder / 'a.png'},x\n")
    assert open_table(folder / "labels.csv", want_labels=None).names == ["a.png"]


def test_one_file_with_two_labels_is_rejected_altogether(table):
    source = table("filename,label\na.png,x\nb.png,y\n./a.png,z\n")
    assert source.names == ["b.png"]
    assert {entry.reason for entry in source.rejected} == {
        "the same file has different labels: 'x', 'z'"
    }
    assert len(source.rejected) == 2


def test_a_repeated_row_counts_once(table):
    source = table("filename,label\na.png,x\na.png,x\n")
    assert source.labels == ["x"]
    assert [entry.reason for entry in source.rejected] == ["repeats line 2"]


def test_rows_without_a_label_are_images_all_the_same(pile):
    folder = pile("a.png", "b.png")
    (folder / "labels.csv").write_text("filename,label\na.png,\nb.png,y\n")
    source = open_table(folder / "labels.csv", want_labels=False)
    assert (source.names, source.labels) == (["a.png", "b.png"], None)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), ("a,b\n1,2\n", "expected the header filename,label"), ("x\n", "expected")],
)
def test_a_table_that_makes_no_sense_is_named(table, text: str, message: str):
    with pytest.raises(UserError, match=rf"labels\.csv: .*{message}"):
        table(text)


def test_a_table_in_another_encoding_is_named(pile):
    folder = pile("a.png")
    (folder / "labels.csv").write_bytes(b"filename,label\na.png,\xff\xfe\n")
    with pytest.raises(UserError, match="UTF-8"):
        open_table(folder / "labels.csv", want_labels=None)
