"""Draws pictures in order, with one or many processes; the pixels are the same."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import TypeVar

import cv2
import numpy as np

from captcha_ssl.notice import Say
from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.render import renderer
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.workers.choice import choose_workers, elsewhere

T = TypeVar("T")
Chunk = tuple[Pixels, list[str]]
"""Images uint8 [N, C, H, W] and their N texts."""
Put = Callable[[int, Pixels, list[str]], None]
"""Keeps the images and texts of a chunk under the index of the first."""

_CHUNK_IMAGES, _CHUNK_BYTES = 64, 8 * 2**20


def split_chunks(settings: PictureSettings, indices: range) -> list[range]:
    """Cut `indices` into pieces small enough to travel between processes."""
    image_bytes = settings.channels * settings.height * settings.width
    step = max(1, min(_CHUNK_IMAGES, _CHUNK_BYTES // image_bytes))
    return [indices[start : start + step] for start in range(0, len(indices), step)]


def draw_chunks(
    settings: PictureSettings, chunks: Sequence[range], *, processes: int
) -> Generator[Chunk, None, None]:
    """Draw each chunk, in order, in workers if there are several processes.

    Raises UserError if a worker dies.
    """
    yield from _share_out(partial(_draw, settings), chunks, processes)


def put_chunks(
    settings: PictureSettings, chunks: Sequence[range], put: Put, *, shared: bool, processes: int
) -> Generator[list[str], None, None]:
    """Draw each chunk and put it into the store; yields the texts, in order. See `draw_chunks`.

    A `shared` put is copied into every worker process, so that no pixel travels between them; from
    a cluster the pixels come here.
    """
    if not elsewhere() and (shared or processes == 1):
        yield from _share_out(partial(_draw_and_put, settings, put), chunks, processes)
        return
    with closing(draw_chunks(settings, chunks, processes=processes)) as drawn:
        for chunk, (images, texts) in zip(chunks, drawn, strict=True):
            put(chunk.start, images, texts)
            yield texts


def _share_out(
    draw: Callable[[range, Say], T], chunks: Sequence[range], processes: int
) -> Generator[T, None, None]:
    crew = choose_workers(
        processes, setting="--workers", prepare=partial(cv2.setNumThreads, 1), brief=True
    )
    with _one_opencv_thread():
        yield from crew.each(draw, chunks)


def _draw(settings: PictureSettings, indices: range, _: Say) -> Chunk:
    return draw_chunk(settings, indices)


def _draw_and_put(settings: PictureSettings, put: Put, indices: range, _: Say) -> list[str]:
    images, texts = draw_chunk(settings, indices)
    put(indices.start, images, texts)
    return texts


def draw_chunk(settings: PictureSettings, indices: range) -> Chunk:
    """Draw the pictures `indices`, one after the other, in this process."""
    images = np.empty((len(indices), settings.channels, settings.height, settings.width), np.uint8)
    texts, render = [], renderer(settings)
    for row, index in enumerate(indices):
        images[row], text = render(index)
        texts.append(text)
    return images, texts


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Pictures are so small that several threads per picture only cost time."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
