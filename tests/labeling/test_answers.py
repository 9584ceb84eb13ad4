"""The table of labels: whole at every moment, and read back by every command."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from captcha_ssl.data.sources import open_source
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import Answers, NameList, storable


def test_labels_are_appended_changed_and_removed(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    answers = Answers(table)
    assert not table.exists()
    answers.put("a.png", "AB")
    answers.put("b, c.png", 'x"y')
    assert table.read_text() == 'filename,label\na.png,AB\n"b, c.png","x""y"\n'
    answers.put("a.png", "AC")
    answers.remove("gone.png")
    assert Answers(table).labels == {"a.png": "AC", "b, c.png": 'x"y'}
    answers.remove("a.png")
    assert Answers(table).labels == {"b, c.png": 'x"y'}


def test_an_empty_file_gets_the_header_too(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.touch()
    Answers(table).put("a.png", "AB")
    assert Answers(table).labels == {"a.png": "AB"}


def test_each_label_is_synced_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(tmp_path / "labels.csv")
    answers.put("a.png", "AB")
    synced: list[str] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append((tmp_path / "labels.csv").read_text())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    answers.put("b.png", "CD")
    assert synced[-1].endswith("b.png,CD\n")


def test_a_truncated_row_is_returned_and_not_kept(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\na.png,AB\nb.png,C")
    answers = Answers(table)
    assert (answers.labels, answers.unfinished) == ({"a.png": "AB"}, ("b.png", "C"))
    answers.put("b.png", "CD")
    assert table.read_text() == "filename,label\na.png,AB\nb.png,CD\n"


def test_a_full_disk_leaves_no_half_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "labels.csv"
    answers = Answers(table)
    answers.put("a.png", "AB")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            answers.put("b.png", "CD")
        with pytest.raises(OSError, match="No space"):
            answers.put("a.png", "XX")
    assert answers.labels == {"a.png": "AB"}
    assert table.read_text() == "filename,label\na.png,AB\n"
    answers.put("b.png", "CD")
    assert Answers(table).labels == {"a.png": "AB", "b.png": "CD"}


@pytest.mark.parametrize(
    "text", ["name,label,split\na.png,A,train\n", "a.png\tAB\n", "filename,label\na.png\nb.png,B\n"]
)
def test_another_table_is_not_touched(tmp_path: Path, text: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises(UserError, match="choose another --out"):
        Answers(table)
    assert table.read_text() == text


def test_names_are_kept_one_per_line(tmp_path: Path) -> None:
    file = tmp_path / "set-aside.txt"
    names = NameList(file)
    names.add("a.png")
    names.add("b.png")
    names.add("a.png")
    names.remove("a.png")
    file.write_text(file.read_text() + "c.pn")
    again = NameList(file)
    again.add("d.png")
    assert file.read_text() == "b.png\nd.png\n"


def test_what_is_stored_is_what_every_command_reads(
    tmp_path: Path, draw_text: object, pile: Path
) -> None:
    answers = Answers(pile / "labels.csv")
    labels = {"images/00.png": "a,b", "images/01.png": '"', "images/02.png": "ü 1"}
    for name, label in labels.items():
        answers.put(name, label)
    source = open_source(pile / "labels.csv", want_labels=True)
    assert dict(zip(source.names, source.labels or (), strict=True)) == labels
    assert not source.rejected


def test_names_that_a_row_would_change_are_known() -> None:
    assert storable("a b/ü.png")
    assert not any(map(storable, ("a\n.png", " a.png", "a.png\t", "\udcff.png")))
