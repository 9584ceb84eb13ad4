"""Visits every image of a source with a few threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np

from captcha_ssl.data.image import ImageError
from captcha_ssl.data.sources import Source

Progress = Callable[[int, int], None]
"""Called with the number of finished images and the total."""
_CHUNK = 64


def sweep(
    source: Source,
    visit: Callable[[int, np.ndarray], None],
    progress: Progress | None = None,
    indices: np.ndarray | None = None,
) -> dict[int, str]:
    """Call `visit(index, RGB uint8 [H, W, 3])` for each image, in any order, from worker threads.

    Only for those at int64 `indices`, if they are given.

    Returns the reason for each unreadable index. `progress(done, total)` is called from this
    thread. Raises MemoryError if an image needs too much memory.
    """
    failures: dict[int, str] = {}

    def read(chunk: range) -> int:
        for index in chunk if indices is None else indices[chunk.start : chunk.stop].tolist():
            try:
                visit(index, source.read(index))
            except ImageError as error:
                failures[index] = error.reason
        return len(chunk)

    total, done = len(source) if indices is None else len(indices), 0
    threads = min(8, os.cpu_count() or 1)
    chunks = (range(start, min(start + _CHUNK, total)) for start in range(0, total, _CHUNK))
    waiting: deque[Future[int]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        while True:
            # Submit only a few ahead: there may be many millions.
            waiting.extend(
                pool.submit(read, chunk) for chunk in islice(chunks, 4 * threads - len(waiting))
            )
            if not waiting:
                break
            done += waiting.popleft().result()
            if progress is not None:
                progress(done, total)
    finally:
        # Otherwise an interruption would wait for all images.
        pool.shutdown(cancel_futures=True)
    return failures
