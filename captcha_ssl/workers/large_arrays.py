"""What every worker needs, pickled once; its large arrays are in a file that all workers map.

Without it, eight workers would each receive a copy of a pile of gigabytes through a pipe, one
after the other.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import sys
import tempfile
from contextlib import ExitStack
from multiprocessing import reduction
from pathlib import Path
from typing import Any, BinaryIO

_LARGE = 2**20
"""Bytes from which an array is worth a place in the file."""


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
            self.message = _message(None, _dumped(content, None))

    def close(self) -> None:
        """Close the file; workers that have read the message keep theirs."""
        self._closing.close()

    def _with_file(self, content: Any) -> bytes:
        if not sys.platform.startswith("linux"):
            return _message(None, _dumped(content, None))
        file = tempfile.TemporaryFile()  # noqa: SIM115
        self._closing.enter_context(file)
        order = _dumped(content, file)
        file.flush()
        # Workers open it through this process, which holds it open for them.
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}" if file.tell() else None
        return _message(path, order)


def unpickled(message: bytes) -> Any:
    """The content of a message. Its arrays can be written to; others do not see that."""
    path, (order, sizes) = pickle.loads(message)
    if path is None:
        return pickle.loads(order)
    with Path(path).open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    buffers, first = [], 0
    for size in sizes:
        buffers.append(content[first : first + size])
        first += size
    return pickle.loads(order, buffers=buffers)


def _message(path: str | None, order: tuple[bytes, list[int]]) -> bytes:
    return pickle.dumps((path, order))


def _dumped(content: Any, file: BinaryIO | None) -> tuple[bytes, list[int]]:
    """The pickled content, and the sizes of the arrays that are written to `file` instead."""
    sizes: list[int] = []

    def kept(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if file is None or raw.nbytes < _LARGE:
            return True
        file.write(raw)
        sizes.append(raw.nbytes)
        return False

    pickled = io.BytesIO()
    reduction.ForkingPickler(pickled, pickle.HIGHEST_PROTOCOL, True, kept).dump(content)
    return pickled.getvalue(), sizes
