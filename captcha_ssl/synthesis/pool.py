"""Pictures in order, drawn by one process or by many, with the same pixels either way."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread

import cv2
import numpy as np

from captcha_ssl.errors import UserError
from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.render import PictureSettings, renderer

Chunk = tuple[Pixels, list[str]]
"""Images uint8 [N, C, H, W] and their N texts."""

_CHUNK_IMAGES, _CHUNK_BYTES = 64, 8 * 2**20


def split_chunks(settings: PictureSettings, indices: range) -> list[range]:
    """Cut `indices` into pieces small enough to travel between processes."""
    image_bytes = settings.channels * settings.height * settings.width
    step = max(1, min(_CHUNK_IMAGES, _CHUNK_BYTES // image_bytes))
    return [indices[start : start + step] for start in range(0, len(indices), step)]


def draw_chunks(
    settings: PictureSettings, chunks: Sequence[range], *, workers: int
) -> Generator[Chunk, None, None]:
    """Draw each chunk, in order. With more than one worker, in processes of their own.

    A script that asks for several workers needs the usual `if __name__ == "__main__":`.
    Raises UserError when a worker dies.
    """
    if workers <= 1:
        with _one_opencv_thread():
            yield from (draw_chunk(settings, chunk) for chunk in chunks)
        return
    # Started afresh: a forked copy of a process that runs threads (a progress bar, OpenCV,
    # torch) may wait for ever on a lock that no thread of its own holds.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start_worker)
    try:
        yield from _in_order(pool, settings, chunks, ahead=2 * workers)
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process died, perhaps for lack of memory; try fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def draw_chunk(settings: PictureSettings, indices: range) -> Chunk:
    """Draw the pictures `indices`, one after the other, in this process."""
    images = np.empty((len(indices), settings.channels, settings.height, settings.width), np.uint8)
    texts, render = [], renderer(settings)
    for row, index in enumerate(indices):
        images[row], text = render(index)
        texts.append(text)
    return images, texts


def _in_order(
    pool: ProcessPoolExecutor, settings: PictureSettings, chunks: Sequence[range], ahead: int
) -> Iterator[Chunk]:
    waiting: deque[Future[Chunk]] = deque()
    for chunk in chunks:
        with _interruption_held_back():
            waiting.append(pool.submit(draw_chunk, settings, chunk))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _interruption_held_back() -> Iterator[None]:
    """Hold back Ctrl-C while workers start: they inherit that, and leave it to this process."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Pictures are so small that sharing one out among threads only costs time."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next chunk for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
