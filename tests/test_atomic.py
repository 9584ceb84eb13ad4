from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from captcha_ssl.atomic import (
    append_line,
    atomic_folder,
    atomic_path,
    atomic_write_bytes,
    atomic_write_text,
)


def test_a_write_replaces_the_whole_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.txt"
    atomic_write_text(file, "früher und länger")
    atomic_write_text(file, "kurz")
    assert file.read_bytes() == b"kurz"
    assert list(file.parent.iterdir()) == [file]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
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


def test_leftovers_of_a_killed_writer_are_removed_and_those_of_a_running_one_are_not(
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


def _read_only(descriptor: int) -> bool:
    fcntl = pytest.importorskip("fcntl")
    return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY


def _as_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what could have been written to is synced, and a folder is not even opened."""
    open_it, sync_it, replace_it = os.open, os.fsync, os.replace

    def opened(path: object, *arguments: object, **keywords: object) -> int:
        if Path(str(path)).is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return open_it(path, *arguments, **keywords)  # type: ignore[arg-type]

    def synced(descriptor: int) -> None:
        if _read_only(descriptor):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sync_it(descriptor)

    def replaced(source: Path, target: Path) -> None:
        if Path(source).is_dir() and Path(target).exists():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), target)
        replace_it(source, target)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)


def _as_on_a_shared_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems of virtual machines and in user space sync no folder."""
    sync_it = os.fsync

    def synced(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync_it(descriptor)

    monkeypatch.setattr(os, "fsync", synced)


@pytest.mark.parametrize("system", [_as_on_windows, _as_on_a_shared_folder])
def test_files_and_folders_are_written_as_far_as_a_system_can_sync_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: Callable[[pytest.MonkeyPatch], None],
) -> None:
    (tmp_path / "set").mkdir()
    monkeypatch.setattr("captcha_ssl.lock.fcntl", None)
    system(monkeypatch)
    atomic_write_text(tmp_path / "new" / "a.txt", "1")
    append_line(tmp_path / "new" / "b.txt", "2")
    with atomic_folder(tmp_path / "set") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "c.txt").write_text("3")
    written = {file.name: file.read_text() for file in tmp_path.rglob("*.txt")}
    assert written == {"a.txt": "1", "b.txt": "2\n", "c.txt": "3"}


def test_an_error_of_the_disk_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="a.txt"):
        atomic_write_text(tmp_path / "a.txt", "1")


def test_a_folder_in_use_is_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine").write_text("1")
    with pytest.raises(OSError), atomic_path(folder) as temporary:
        temporary.mkdir()
    assert (folder / "mine").read_text() == "1"
    assert list(tmp_path.iterdir()) == [folder]
