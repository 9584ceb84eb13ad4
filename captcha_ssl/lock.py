"""A lock on a folder, so that one process at a time works in it."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType, TracebackType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such lock; users must avoid parallel runs in one folder.
    fcntl = None


_held: set[int] = set()


def held_locks() -> tuple[int, ...]:
    """The descriptors of the locks of this process.

    A process that inherits one also holds the lock.
    """
    return tuple(_held)


class FolderLock:
    """Locks `folder` within a `with` block; entering raises BlockingIOError if it is locked.

    It is a kernel lock and leaves no file: it ends with its process, however that ends, and with
    the worker processes that inherited it. File systems without locks are not locked.
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
