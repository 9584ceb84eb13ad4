"""Writes that a reader sees whole or not at all, even after a crash or a full disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; put it in place when the block ends well.

    The block may create a file or a folder there. On an exception the temporary is removed
    and whatever stood at `path` before is untouched. A folder replaces only an empty folder
    or nothing (`os.replace` raises OSError otherwise).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    try:
        yield temporary
        # Not what else lies in the parent: another process may be taking its own part away.
        for written in (*temporary.rglob("*"), temporary):
            _sync(written)
        temporary.replace(path)
        _sync(path.parent)
    except BaseException:
        _remove(temporary)
        raise


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` durably: temporary file, fsync, rename. Raises OSError."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def atomic_write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` durably. Raises OSError."""
    atomic_write_bytes(path, text.encode())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
