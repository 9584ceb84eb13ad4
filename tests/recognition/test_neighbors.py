"""The nearest images of an embedding, and the sheet they are drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from captcha_ssl.errors import UserError
from captcha_ssl.recognition.similarity.neighbors import nearest, write_neighbors


def test_neighbors_are_the_largest_cosines_without_the_row_itself() -> None:
    torch.manual_seed(0)
    vectors = F.normalize(torch.randn(40, 8, dtype=torch.float64), dim=1)
    queries = torch.tensor([3, 17, 39])
    found = nearest(vectors, queries, 5)
    for query, row in zip(queries.tolist(), found.tolist(), strict=True):
        cosines = {other: float(vectors[query] @ vectors[other]) for other in range(40)}
        del cosines[query]
        assert row == sorted(cosines, key=lambda other: -cosines[other])[:5]


def test_equal_images_come_in_their_order() -> None:
    vectors = F.normalize(torch.tensor([[1.0, 0], [1, 0], [0, 1], [1, 0]]), dim=1)
    assert nearest(vectors, torch.tensor([1]), 3).tolist() == [[0, 3, 2]]


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UserError, match="3 images"):
        nearest(torch.eye(3), torch.tensor([0]), 3)


def test_every_row_of_the_sheet_starts_with_an_image_and_its_copy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = np.repeat(rng.integers(0, 256, (10, 1, 16, 40), np.uint8), 2, axis=0)
    vectors = torch.repeat_interleave(torch.eye(10), 2, dim=0)
    file = tmp_path / "sheet.png"
    write_neighbors(file, images, vectors, rows=4, count=2, seed=0)
    sheet = np.asarray(Image.open(file))
    # Three columns at scale 3, 14 pixels apart; the first two show the same pixels.
    first, second, third = (sheet[-80:-30, 20 + left : 130 + left] for left in (0, 134, 268))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)
