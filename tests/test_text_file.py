from __future__ import annotations

import os
from pathlib import Path

import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.text_file import iter_lines, read_text_file

TEXT = "first é\nsecond 京\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_text_is_read_in_the_encodings_that_editors_write(tmp_path: Path, encoding: str):
    file = tmp_path / "text"
    text = "only ascii here\n" if encoding in ("utf-16-le", "utf-16-be") else TEXT
    file.write_bytes(text.encode(encoding))
    assert read_text_file(file) == text
    assert list(iter_lines(file)) == text.splitlines()


def test_another_encoding_is_refused_with_its_line(tmp_path: Path):
    (tmp_path / "text").write_bytes("one\ntwo é\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"text: line 2 is not UTF-8 \(byte 0xe9\); save"):
        read_text_file(tmp_path / "text")


def test_all_line_endings_count_and_no_other_character_does(tmp_path: Path):
    (tmp_path / "text").write_bytes("a\r\nb\rc\n\nd\u2028e".encode())
    assert list(iter_lines(tmp_path / "text")) == ["a", "b", "c", "", "d\u2028e"]


def test_a_pipe_and_a_folder_are_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="not a regular file but a pipe"):
        read_text_file(tmp_path / "pipe")
    with pytest.raises(UserError, match="Is a directory"):
        read_text_file(tmp_path)


def test_a_device_and_a_sparse_file_take_no_memory(tmp_path: Path):
    with pytest.raises(UserError, match="not a regular file"):
        read_text_file(Path("/dev/zero"))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match="larger than"):
        read_text_file(tmp_path / "sparse")


def test_a_file_of_nothing_but_line_endings_is_refused(tmp_path: Path):
    (tmp_path / "text").write_bytes(b"\n" * 10_000_001)
    with pytest.raises(UserError, match="more than 10,000,000 lines"):
        list(iter_lines(tmp_path / "text"))
