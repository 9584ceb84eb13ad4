"""Visits every image of a source from a few threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from captcha_ssl.data.image import ImageError
from captcha_ssl.data.sources import Source

Progress = Callable[[int, int], None]
_CHUNK = 64


def sweep(
    source: Source, visit: Callable[[int, np.ndarray], None], progress: Progress | None = None
) -> dict[int, str]:
    """Call `visit(index, RGB uint8 [H, W, 3])` for each image, in any order, from worker threads.

    Returns the reason for each index that cannot be read. `progress(done, total)` is called from
    this thread.
    """
    failures: dict[int, str] = {}

    def read(chunk: range) -> int:
        for index in chunk:
            try:
                visit(index, source.read(index))
            except ImageError as error:
                failures[index] = error.reason
        return len(chunk)

    total, done = len(source), 0
    chunks = [range(start, min(start + _CHUNK, total)) for start in range(0, total, _CHUNK)]
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        for count in pool.map(read, chunks):
            done += count
            if progress is not None:
                progress(done, total)
    finally:
        # Without this an interruption would wait for the whole pile.
        pool.shutdown(cancel_futures=True)
    return failures
