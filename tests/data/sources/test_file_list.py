"""Images that a list names: `@FILE`, and `-` for standard input."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from captcha_ssl.data.name_list import _read_once
from captcha_ssl.data.sources import listed, open_source
from captcha_ssl.errors import UserError


@pytest.fixture
def pile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`a/ABC_1.png`, `b/DE_2.png` and `b/F_3.png`, and the folder above as working directory."""
    for place, name in enumerate(("a/ABC_1.png", "b/DE_2.png", "b/F_3.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((8, 20, 3), 40 * place, np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_list_keeps_its_names_and_its_order(pile: Path) -> None:
    elsewhere = str(pile / "a/ABC_1.png")
    Path("list.txt").write_text(f"b/F_3.png\n\n{elsewhere}\nb/../b/DE_2.png\n")
    source = open_source(Path("@list.txt"), want_labels=False)
    assert list(source.names) == ["b/F_3.png", elsewhere, "b/../b/DE_2.png"]
    assert [int(source.read(i).mean()) for i in range(3)] == [80, 0, 40]
    assert source.kind == "list of files" and source.labels is None


def test_labels_are_in_the_names_as_in_a_folder(pile: Path) -> None:
    Path("list.txt").write_bytes(b"b/F_3.png\0a/ABC_1.png\0")
    for wanted in (True, None):
        assert open_source(Path("@list.txt"), want_labels=wanted).labels == ["F", "ABC"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_list_from_another_system_is_read(pile: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    Path("list.txt").write_bytes(f"{mark}b/F_3.png\r\na/ABC_1.png\r\n".encode(encoding))
    assert list(open_source(Path("@list.txt")).names) == ["b/F_3.png", "a/ABC_1.png"]


def test_missing_files_and_repetitions_are_rejected(pile: Path) -> None:
    Path("list.txt").write_text("a\nb/F_3.png\ngone.png\nb/F_3.png\n")
    source = open_source(Path("@list.txt"), want_labels=False)
    assert [(row.row, row.reason, row.before) for row in source.rejected] == [
        ("a", "a folder; a list names files", 0),
        ("gone.png", "no such file", 1),
        ("b/F_3.png", "repeats line 2", 1),
    ]


def test_standard_input_can_be_read_twice(pile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _read_once.cache_clear()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"b/F_3.png\n")))
    for _ in range(2):
        assert list(open_source(Path("-"), want_labels=False).names) == ["b/F_3.png"]
    assert str(listed(Path("-"))) == "standard input"
    _read_once.cache_clear()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_read_once(pile: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"b/F_3.png\n")
    os.close(write)
    named = Path(f"@/dev/fd/{read}")
    for _ in range(2):
        assert list(open_source(named, want_labels=False).names) == ["b/F_3.png"]
    _read_once.cache_clear()
    os.close(read)


def test_a_list_and_other_datasets_are_one_pile(pile: Path) -> None:
    Path("list.txt").write_text("b/F_3.png\n")
    source = open_source([Path("b"), Path("@list.txt"), Path("a")], want_labels=False)
    assert list(source.names) == ["b/DE_2.png", "b/F_3.png", "b/F_3.png", "a/ABC_1.png"]
    assert int(source.read(2).mean()) == 80


def test_a_folder_named_like_a_list_is_a_folder(pile: Path) -> None:
    Path("a").rename("@a")
    assert list(open_source(Path("@a"), want_labels=False).names) == ["ABC_1.png"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "list.txt: the list of files cannot be read (No such file or directory)"),
        ("\n", "list.txt: no names of files in it"),
        ("gone.png\n", "list.txt: names no image, first gone.png: no such file"),
    ],
)
def test_mistakes_are_one_line(pile: Path, written: str | None, said: str) -> None:
    if written is not None:
        Path("list.txt").write_text(written)
    with pytest.raises(UserError) as refused:
        open_source(Path("@list.txt"))
    assert str(refused.value) == said
