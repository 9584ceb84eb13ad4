"""A frozen encoder is read through a linear head alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.fine_tuning.probe import frozen_probe


class Columns(nn.Module):
    """Frames that say which rows of their four columns are bright, or nothing at all."""

    def __init__(self, blind: bool = False) -> None:
        super().__init__()
        self.blind, self.weight = blind, nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> Tensor:
        frames = images.unflatten(3, (-1, 4)).mean((1, 4)).transpose(1, 2)
        return frames * 0 + self.weight if self.blind else frames


@pytest.fixture
def letters() -> Dataset:
    """Texts of two letters, each a bar at its own height."""
    rng = np.random.default_rng(0)
    images, labels = np.zeros((80, 1, 16, 40), np.uint8), []
    for image in images:
        classes = rng.integers(0, 3, 2)
        for place, c in zip((8, 24), classes, strict=True):
            image[0, 5 * c : 5 * c + 5, place : place + 4] = 255
        labels.append("".join("abc"[c] for c in classes))
    return Dataset(images, labels, [""] * 80, Geometry(1, 16, 40), [])


def test_the_probe_reads_what_the_frames_contain_and_nothing_else(letters: Dataset):
    probe = frozen_probe(letters, Charset("abc"))
    torch.manual_seed(0)
    assert probe(Columns())["probe_exact_match"] > 0.9
    torch.manual_seed(0)
    blind = probe(Columns(blind=True))
    assert blind["probe_exact_match"] < 0.3
    assert blind["probe_cer"] > 0.4


def test_too_few_images_to_split_are_refused(letters: Dataset):
    with pytest.raises(UserError, match="at least 2"):
        frozen_probe(letters.take([0]), Charset("abc"))
