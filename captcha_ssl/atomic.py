"""Writes that a reader sees whole or not at all, even after a crash or a full disk."""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from captcha_ssl.interruption import AtTheEnd
from captcha_ssl.lock import FolderLock

_PARTIAL = ".partial"
_NOT_SYNCED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a file system answers that cannot sync what it was asked to."""
_NO_FOLDERS = _NOT_SYNCED | {errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR}
"""What a system answers that does not open folders, or syncs none."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; put it in place when the block ends well.

    The block may create a file or a folder there. On an exception the temporary is removed
    and whatever stood at `path` before is untouched. A folder replaces only an empty folder
    or nothing (`os.replace` raises OSError otherwise). The folder that `path` lies in is made,
    but not what that lies in: a run whose folder has vanished is an error and not a new run.
    """
    with _named(path):
        path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}{_PARTIAL}")
    try:
        with AtTheEnd(partial(_remove, temporary)), _named(path):
            yield temporary
            # Not what else lies in the parent: another process may be taking its own part away.
            for written in (*temporary.rglob("*"), temporary):
                _sync(written)
            _replace(temporary, path)
            _sync(path.parent)
    except BaseException:
        _remove(temporary)
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new, empty temporary folder beside `path`, as `atomic_path` does.

    It is locked while it is filled, which tells it from the one that a killed process has left
    behind for the same `path`; those are removed.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{_PARTIAL}"):
        with suppress(OSError), FolderLock(left):
            _remove(left)
    with atomic_path(path) as temporary:
        temporary.mkdir()
        with FolderLock(temporary):
            yield temporary


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` durably: temporary file, fsync, rename. Raises OSError."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def atomic_write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` durably. Raises OSError.

    The name of a file that is not UTF-8 is in it as the bytes that the system has for it.
    """
    atomic_write_bytes(path, text.encode("utf-8", "surrogateescape"))


def append_line(path: Path, line: str) -> None:
    """Append `line` and its end to the UTF-8 text at `path` durably. Raises OSError.

    A crash or a full disk may leave a part of it; `whole_lines` does not return that.
    """
    with _named(path), path.open("ab") as file:
        file.write(f"{line}\n".encode("utf-8", "surrogateescape"))
        file.flush()
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in _NOT_SYNCED:
                raise


def whole_lines(path: Path) -> list[str]:
    """The lines at `path` that were written to their end; none where there is no file."""
    if not path.exists():
        return []
    return path.read_bytes().rpartition(b"\n")[0].decode("utf-8", "surrogateescape").splitlines()


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left in `folder` and below; no other may be writing there."""
    for left in list(folder.rglob(f".*{_PARTIAL}")):
        _remove(left)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an OSError say which file it is about: that of a write to a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(_PARTIAL):
            error.filename = str(path)
        error.filename2 = None
        raise


def _sync(path: Path) -> None:
    """Have the system write a file or the entries of a folder to the disk, as far as it can."""
    if path.is_dir():
        _sync_through(path, os.O_RDONLY, _NO_FOLDERS)
        return
    try:
        # Windows and some network mounts sync only what could have been written to.
        _sync_through(path, os.O_RDWR, _NOT_SYNCED)
    except PermissionError:
        _sync_through(path, os.O_RDONLY, _NOT_SYNCED)


def _sync_through(path: Path, flags: int, passed_over: set[int]) -> None:
    try:
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in passed_over:
            raise


def _replace(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except (PermissionError, FileExistsError):
        # Windows puts no folder in the place of an empty one.
        if not (temporary.is_dir() and path.is_dir() and not any(path.iterdir())):
            raise
        path.rmdir()
        temporary.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    # The reason why a write failed must not give way to why its rest cannot be removed.
    with suppress(OSError):
        path.unlink(missing_ok=True)
