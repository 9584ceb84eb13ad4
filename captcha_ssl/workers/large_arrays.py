"""What every worker needs, pickled once; its large arrays are in a file that all workers map.

Without it, eight workers would each receive a copy of a pile of gigabytes through a pipe, one
after the other.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
import pickle
import tempfile
from contextlib import ExitStack
from multiprocessing import reduction
from pathlib import Path
from typing import Any, BinaryIO

_LARGE = 2**20
"""Bytes from which an array is worth a place in the file."""
_ALIGNED = 64
_PROC = "/proc"


class Pickled:
    """`content` as a message for worker processes of this process.

    The file has no name, so that it is gone when nobody uses it any more, however this process
    ends. Without room for it, or without /proc, everything is in the message.
    """

    def __init__(self, content: Any) -> None:
        self._closing = ExitStack()
        try:
            self.message = self._with_file(content)
        except OSError:
            # What was written takes room.
            self.close()
            self.message = _message(None, _dumped(content, None))

    def close(self) -> None:
        """Close the file; workers that have read the message keep theirs."""
        self._closing.close()

    def _with_file(self, content: Any) -> bytes:
        file = tempfile.TemporaryFile()  # noqa: SIM115
        self._closing.enter_context(file)
        order = _dumped(content, file)
        file.flush()
        if not file.tell():
            return _message(None, order)
        # Workers open it through this process, which holds it open for them.
        path = Path(f"{_PROC}/{os.getpid()}/fd/{file.fileno()}")
        if not os.path.samestat(path.stat(), os.fstat(file.fileno())):
            raise FileNotFoundError(errno.ENOENT, "a /proc of other processes", str(path))
        return _message(str(path), order)


def unpickled(message: bytes) -> Any:
    """The content of a message. Its arrays can be written to; others do not see that."""
    path, (order, places) = pickle.loads(message)
    if path is None:
        return pickle.loads(order)
    with Path(path).open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return pickle.loads(order, buffers=[content[first:end] for first, end in places])


def _message(path: str | None, order: tuple[bytes, list[tuple[int, int]]]) -> bytes:
    return pickle.dumps((path, order))


def _dumped(content: Any, file: BinaryIO | None) -> tuple[bytes, list[tuple[int, int]]]:
    """The pickled content, and the places of the arrays that are written to `file` instead."""
    places: list[tuple[int, int]] = []

    def kept(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if file is None or raw.nbytes < _LARGE:
            return True
        file.write(bytes(-file.tell() % _ALIGNED))
        first = file.tell()
        file.write(raw)
        places.append((first, file.tell()))
        return False

    pickled = io.BytesIO()
    reduction.ForkingPickler(pickled, pickle.HIGHEST_PROTOCOL, True, kept).dump(content)
    return pickled.getvalue(), places
