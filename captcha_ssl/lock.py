"""A folder that one process at a time works in."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType, TracebackType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such lock, and its users must take care themselves.
    fcntl = None


_held: set[int] = set()


def held_locks() -> tuple[int, ...]:
    """The descriptors of the locks of this process. Who inherits one holds the lock too."""
    return tuple(_held)


class FolderLock:
    """Holds `folder` within a `with` block; entering raises BlockingIOError when another does.

    The lock is the kernel's and leaves no file: it ends with its process, however that ends, and
    with the worker processes that inherited it. Where a file system knows no locks, nothing is
    held.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor: int | None = None

    def __enter__(self) -> FolderLock:
        if fcntl is None:
            return self
        self._descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release()
            raise
        except OSError:
            self._release()
        else:
            _held.add(self._descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def _release(self) -> None:
        if self._descriptor is not None:
            _held.discard(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
