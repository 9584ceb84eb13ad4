from __future__ import annotations

import os
import unicodedata
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
def test_the_column_of_paths_may_have_any_name(table, header: str):
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


@pytest.mark.parametrize("line", ["sep=;", "SEP=,", '"sep=;"'])
def test_the_separator_line_of_a_spreadsheet_is_no_row(table, line: str):
    source = table(f"{line}\nfilename;label\na.png;x1\n")
    assert (source.names, source.labels) == (["a.png"], ["x1"])


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


def test_one_file_with_two_labels_is_rejected(table):
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


def test_rows_without_a_label_are_still_images(pile):
    folder = pile("a.png", "b.png")
    (folder / "labels.csv").write_text("filename,label\na.png,\nb.png,y\n")
    source = open_table(folder / "labels.csv", want_labels=False)
    assert (source.names, source.labels) == (["a.png", "b.png"], None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "expected the header filename,label, found 'a,b'$"),
        ("x\n", "expected"),
        ("image;serial\na.png;x\n", "; call the column of the texts label or text$"),
        ("picture,text\na.png,x\n", "; call the other column filename or file_name or name"),
    ],
)
def test_a_malformed_table_is_named(table, text: str, message: str):
    with pytest.raises(UserError, match=rf"labels\.csv: .*{message}"):
        table(text)


def test_a_table_in_another_encoding_is_named(pile):
    folder = pile("a.png")
    (folder / "labels.csv").write_bytes(b"filename,label\na.png,\xff\xfe\n")
    with pytest.raises(UserError, match="UTF-8"):
        open_table(folder / "labels.csv", want_labels=None)


@pytest.mark.parametrize(
    ("text", "name", "labels", "lines"),
    [
        ("filename,label\na.png,1,234\nb.png,5\n", "labels.csv", ["5"], [2]),
        ("filename;label\na.png;1;2\nb.png;5\n", "labels.csv", ["5"], [2]),
        ("filename\tlabel\na.png\t1\t2\nb.png\t5\n", "labels.tsv", ["5"], [2]),
        ("a.png,1,2\nb.png,5\n", "labels.csv", ["5"], [1]),
        ("a.png,5\nb.png,1,2\n", "labels.csv", ["5"], [2]),
        ("a.png\t5\nb.png\t1\t2\n", "labels.txt", ["5"], [2]),
        ("filename,label,\na.png,1,2\nb.png,5,\n", "labels.csv", ["5"], [2]),
        ("filename,label\na.png,5\nb.png,1,\n", "labels.csv", ["5"], [3]),
        ('filename,label\na.png,"12\nb.png,5\nc.png,6\n', "labels.csv", ["5", "6"], [2]),
        ('filename,label\na.png,"12\nb.png,"34"\nc.png,6"\n', "labels.csv", ["34"], [2, 4]),
        ('filename,label\na.png,"1"2\nb.png,5\n', "labels.csv", ["5"], [2]),
        ('filename,label\na.png,"1\n2"\nb.png,5\n', "labels.csv", ["5"], [2]),
        ('"filename","label"\n"a.png","1\n\n2"\n"b.png","5"\n', "labels.csv", ["5"], [2]),
        ("filename,label\na.png,1\u20282\nb.png,5\n", "labels.csv", ["5"], [2]),
    ],
)
def test_an_ambiguous_row_is_rejected_and_affects_no_other(
    table, text: str, name: str, labels: list[str], lines: list[int]
):
    source = table(text, name=name)
    assert source.labels == labels
    assert [int(entry.row.split()[2].rstrip(":")) for entry in source.rejected] == lines


def test_the_message_says_what_to_do(table):
    source = table('filename,label\na.png,1,234\nb.png,"5\n')
    assert [entry.reason for entry in source.rejected] == [
        "3 cells where 2 are expected; put a label with a comma in quotation marks",
        "quotation marks do not match; close them, and write one that is part of a label twice",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "filename,label,,\na.png,x,,\n,,,\nb.png,y,,\n,,,\n",
        "filename,label\na.png,x\n,\n , \nb.png,y\n",
        "filename;label\na.png;x\n;\nb.png;y\n",
        'filename,label,comment\na.png,x,"two\nlines, here"\nb.png,y,\n',
        'filename,label\na.png, "x"\nb.png,"y" \n',
        '"filename"\t"label"\n"a.png"\t"x"\n"b.png"\t"y"\n',
        ",filename,label\n0,a.png,x\n1,b.png,y\n",
        "a.png;x\nb.png;y\n",
    ],
)
def test_leftovers_of_spreadsheets_do_not_matter(table, text: str):
    source = table(text)
    assert (source.labels, source.rejected) == (["x", "y"], [])


def test_a_quotation_mark_that_a_spreadsheet_doubled_in_a_table_with_tabs_is_one(table):
    assert table('filename\tlabel\na.png\t"x""1"\nb.png\t"y"\n').labels == ['x"1', '"y"']


def test_a_header_that_names_a_column_twice_is_refused(table):
    with pytest.raises(UserError, match="line 1: two columns are called label"):
        table("filename,label,label\na.png,x,y\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_tables_in_other_encodings_of_unicode_are_read(pile, encoding: str):
    folder = pile("a.png")
    (folder / "labels.csv").write_bytes("filename,label\r\na.png,é\r\n".encode(encoding))
    assert open_table(folder / "labels.csv", want_labels=None).labels == ["é"]


def test_labels_are_composed_with_a_note(table):
    decomposed = unicodedata.normalize("NFD", "é1")
    source = table(f"filename,label\na.png,é1\nb.png,{decomposed}\n")
    assert source.labels == ["é1", "é1"]
    assert source.notes == ["1 labels are in decomposed form (NFD) and are read as composed (NFC)"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_file_is_found_in_either_unicode_form(pile, form: str):
    name = unicodedata.normalize(form, "Zähler é.png")
    folder = pile(f"images/{name}")
    other = unicodedata.normalize({"NFC": "NFD", "NFD": "NFC"}[form], name)
    (folder / "labels.csv").write_text(f"filename,label\n{other},x\n", encoding="utf-8")
    source = open_table(folder / "labels.csv", want_labels=None)
    assert source.names == [f"images/{name}"]
    assert "1 files have another spelling" in source.notes[0]
    source.read(0)


def test_paths_as_other_systems_write_them(pile):
    folder = pile("a.png", "sub/b.png", "images/c.png")
    rows = [".\\a.png,1", "sub\\b.png,2", "C.PNG,3", "D:\\data\\a.png,4", "..\\pile\\a.png,5"]
    (folder / "labels.csv").write_text("filename,label\n" + "\n".join(rows) + "\n")
    source = open_table(folder / "labels.csv", want_labels=None)
    assert dict(zip(source.names, source.labels, strict=True)) == {
        "a.png": "1",
        "sub/b.png": "2",
        "images/c.png": "3",
    }
    assert {entry.reason for entry in source.rejected} == {"outside the dataset folder"}


def test_a_name_that_is_no_utf_8_is_found(pile):
    folder = pile("a.png")
    name = os.fsdecode(b"caf\xe9.png")
    (folder / "a.png").rename(folder / name)
    (folder / "labels.csv").write_bytes(b"filename,label\ncaf\xe9.png,x\n")
    source = open_table(folder / "labels.csv", want_labels=None)
    assert (source.names, source.labels) == ([name], ["x"])


def test_many_labels_of_one_file_are_named_in_a_short_line(table):
    rows = "".join(f"a.png,{index:04}\n" for index in range(2_000))
    source = table(f"filename,label\n{rows}")
    reasons = {entry.reason for entry in source.rejected}
    assert reasons == {"the same file has different labels: '0000', '0001', '0002' and 1,997 more"}


def test_an_endless_line_is_rejected_alone(table):
    source = table(f"filename,label\na.png,{'x' * 200_000}\nb.png,y\n")
    assert source.labels == ["y"]
    assert source.rejected[0].reason.startswith("longer than 131,072 characters")
    assert len(source.rejected[0].row) < 300
