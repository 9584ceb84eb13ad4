from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from captcha_ssl.atomic import atomic_folder, atomic_path, atomic_write_bytes, atomic_write_text


def test_a_write_replaces_the_whole_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.txt"
    atomic_write_text(file, "früher und länger")
    atomic_write_text(file, "kurz")
    assert file.read_bytes() == b"kurz"
    assert list(file.parent.iterdir()) == [file]


def test_a_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    atomic_write_bytes(file, b"before")
    with pytest.raises(RuntimeError), atomic_path(file) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt), atomic_path(folder) as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / "deep" / "a").write_text("1")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with atomic_path(folder) as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / "deep" / "a").write_text("1")
        assert not folder.exists()
    assert (folder / "deep" / "a").read_text() == "1"


def test_what_a_killed_writer_left_is_removed_and_what_one_at_work_fills_is_not(
    tmp_path: Path,
) -> None:
    left = tmp_path / ".set.0123abcd.partial"
    left.mkdir()
    (left / "images.npy").write_bytes(b"half")
    with atomic_folder(tmp_path / "set") as first:
        assert not left.exists()
        with atomic_folder(tmp_path / "set"):
            assert first.is_dir()
            (first / "a").write_text("1")
        (tmp_path / "set").rmdir()
    assert (tmp_path / "set" / "a").read_text() == "1"


def test_a_full_disk_names_the_file_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    atomic_write_text(file, "before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        atomic_write_text(file, "after")
    assert (caught.value.filename, caught.value.errno) == (str(file), errno.ENOSPC)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_in_use_is_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine").write_text("1")
    with pytest.raises(OSError), atomic_path(folder) as temporary:
        temporary.mkdir()
    assert (folder / "mine").read_text() == "1"
    assert list(tmp_path.iterdir()) == [folder]
