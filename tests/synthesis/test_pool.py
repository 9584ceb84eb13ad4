"""Many processes draw what one draws."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.synthesis.pool import draw_chunk, draw_chunks, split_chunks
from captcha_ssl.synthesis.settings import PictureSettings

SETTINGS = PictureSettings(style="mixed", height=32, width=96)


def test_chunks_cover_every_index_once_and_in_order() -> None:
    chunks = split_chunks(SETTINGS, range(5, 1300))
    assert [index for chunk in chunks for index in chunk] == list(range(5, 1300))
    assert len(chunks) > 1


def test_chunks_of_large_pictures_are_small() -> None:
    large = PictureSettings(height=1024, width=8192)
    assert max(map(len, split_chunks(large, range(10)))) == 1


def test_workers_return_the_same_pictures_in_the_same_order() -> None:
    chunks = [range(start, start + 7) for start in range(0, 42, 7)]
    one = list(draw_chunks(SETTINGS, chunks, processes=1))
    two = list(draw_chunks(SETTINGS, chunks, processes=2))
    for (images, texts), (same, same_texts) in zip(one, two, strict=True):
        assert texts == same_texts
        np.testing.assert_array_equal(images, same)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="cannot fork")
def test_a_forked_process_draws_the_same_too() -> None:
    here, texts = draw_chunk(SETTINGS, range(6))
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        there, same_texts = pool.submit(draw_chunk, SETTINGS, range(6)).result(timeout=60)
    assert texts == same_texts
    np.testing.assert_array_equal(here, there)


def test_chunk_size_changes_nothing() -> None:
    whole, _ = draw_chunk(SETTINGS, range(12))
    pieces = [draw_chunk(SETTINGS, range(start, start + 3))[0] for start in range(0, 12, 3)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_a_worker_that_dies_is_a_clear_error() -> None:
    chunks = [range(start, start + 50) for start in range(0, 2000, 50)]
    drawn = draw_chunks(SETTINGS, chunks, processes=2)
    next(drawn)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(UserError, match="worker"):
        list(drawn)


def test_the_threads_of_opencv_are_restored() -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        list(draw_chunks(SETTINGS, [range(2)], processes=1))
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
