"""Writes that a reader sees whole or not at all, even after a crash or a full disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from captcha_ssl.lock import FolderLock

_PARTIAL = ".partial"


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
        with _named(path):
            yield temporary
            # Not what else lies in the parent: another process may be taking its own part away.
            for written in (*temporary.rglob("*"), temporary):
                _sync(written)
            temporary.replace(path)
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
    for left in path.parent.glob(f".{path.name}.*{_PARTIAL}"):
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
    """Write `text` as UTF-8 to `path` durably. Raises OSError."""
    atomic_write_bytes(path, text.encode())


def append_line(path: Path, line: str) -> None:
    """Append `line` and its end to the UTF-8 text at `path` durably. Raises OSError.

    A crash or a full disk may leave a part of it; `whole_lines` does not return that.
    """
    with _named(path), path.open("ab") as file:
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def whole_lines(path: Path) -> list[str]:
    """The lines at `path` that were written to their end; none where there is no file."""
    if not path.exists():
        return []
    return path.read_bytes().rpartition(b"\n")[0].decode().splitlines()


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
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    # The reason why a write failed must not give way to why its rest cannot be removed.
    with suppress(OSError):
        path.unlink(missing_ok=True)
