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
"""Errors of a file system that cannot sync the file or folder."""
_NO_FOLDERS = _NOT_SYNCED | {errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR}
"""Errors of a system that cannot open or sync folders."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; rename it to `path` if the block succeeds.

    The block may create a file or a folder there. On an exception the temporary is removed and an
    existing `path` stays unchanged. A folder replaces only an empty folder or nothing (`os.replace`
    raises OSError otherwise). The parent folder of `path` is created, but not its parents: if the
    folder of a run has vanished, that is an error and not a new run.
    """
    with _named(path):
        path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}{_PARTIAL}")
    try:
        with AtTheEnd(partial(_remove, temporary)), _named(path):
            yield temporary
            # Sync only this entry, not the other files of the parent: another process may be
            # removing its own.
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

    It is locked while it is filled. An unlocked one for the same `path` is left over from a killed
    process and is removed.
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

    File names that are not UTF-8 are written as the bytes that the system uses.
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
    """The complete lines at `path`; none if there is no file."""
    if not path.exists():
        return []
    return path.read_bytes().rpartition(b"\n")[0].decode("utf-8", "surrogateescape").splitlines()


def remove_partials(folder: Path) -> None:
    """Remove leftovers of killed processes in `folder` and below.

    No process may be writing there.
    """
    for left in list(folder.rglob(f".*{_PARTIAL}")):
        _remove(left)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Add the file name to an OSError: the error of a write to a full disk has none."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(_PARTIAL):
            error.filename = str(path)
        error.filename2 = None
        raise


def _sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to disk if the system can."""
    if path.is_dir():
        _sync_through(path, os.O_RDONLY, _NO_FOLDERS)
        return
    try:
        # Windows and some network mounts sync only files that are open for writing.
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
        # Windows cannot replace an empty folder by a folder.
        if not (temporary.is_dir() and path.is_dir() and not any(path.iterdir())):
            raise
        path.rmdir()
        temporary.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    # The reason for the failed write must not be hidden by an error during the cleanup.
    with suppress(OSError):
        path.unlink(missing_ok=True)
