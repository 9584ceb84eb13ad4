"""Pixels on their way to a device."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from captcha_ssl.training import store
from captcha_ssl.training.store import image_fetcher


@pytest.fixture
def mapped(tmp_path: Path) -> np.ndarray:
    """Images in a file that is mapped for reading, as those of a packed dataset are."""
    images = np.random.default_rng(0).integers(0, 256, (23, 1, 4, 5), np.uint8)
    np.save(tmp_path / "images.npy", images)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize("rows", [1, 4, 23, 100])
def test_an_upload_in_pieces_is_the_whole_and_warns_of_nothing(
    mapped: np.ndarray, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(store, "_PIECE_BYTES", rows * mapped[0].nbytes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resident = store._uploaded(mapped, torch.device("cpu"))
    assert np.array_equal(resident.numpy(), mapped)


def test_a_batch_by_index_warns_of_nothing(mapped: np.ndarray) -> None:
    fetch = image_fetcher(mapped, torch.device("cpu"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batch = fetch(torch.tensor([3, 0, 22]))
    assert np.array_equal(batch.numpy(), mapped[[3, 0, 22]])
