from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import standardize
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.preview import to_uint8, write_preview
from captcha_ssl.training.settings import LoopSettings


def _write(file: Path, method: str, images: np.ndarray, seed: int = 0) -> None:
    config = replace(PretrainConfig.of(method), loop=LoopSettings(seed=seed, device="cpu"))
    geometry = Geometry(*images.shape[1:])
    names = list(map(str, range(len(images))))
    write_preview(file, config, Dataset(images, None, names, geometry, []))


def _noise(count: int, width: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 1, 32, width), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_standardized_pixels_are_shown_in_their_original_tones(channels: int) -> None:
    # A pixel that is exactly the mean would be shown as hidden.
    torch.manual_seed(0)
    originals = torch.randint(0, 256, (3, channels, 8, 9), dtype=torch.uint8)
    assert torch.equal(to_uint8(standardize(originals), originals), originals.expand(-1, 3, -1, -1))


def test_hidden_parts_and_the_background_differ_from_paper() -> None:
    """One dark pixel on white: the mean of such an image can hardly be told from paper."""
    original = torch.full((1, 1, 8, 9), 255, dtype=torch.uint8)
    original[..., 0, 0] = 0
    pixels = standardize(original)
    pixels[..., 1], pixels[..., 2] = 0, torch.nan
    shown = to_uint8(pixels, original)
    paper, hidden, gap = shown[0, :, 5, 5], shown[0, :, 5, 1], shown[0, :, 5, 2]
    assert (shown[0, :, :, 1] == hidden[:, None]).all()
    assert min((paper - hidden).int().abs().max(), (hidden.int() - gap.int()).abs().max()) > 30


def test_the_same_seed_draws_the_same_sheet(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.png" for name in "abc"]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        _write(file, "simclr", _noise(30), seed)
    one, same, other = (file.read_bytes() for file in files)
    assert one == same != other


def test_a_pile_smaller_than_the_sheet_or_a_batch_is_drawn_too(tmp_path: Path) -> None:
    _write(tmp_path / "few.png", "autoencoder", _noise(2))
    _write(tmp_path / "many.png", "autoencoder", _noise(40))
    few, many = (Image.open(tmp_path / name) for name in ("few.png", "many.png"))
    assert few.width == many.width
    assert many.height - few.height == 6 * (32 * 3 + 14)


def test_images_that_the_method_cannot_learn_from_leave_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too narrow for 4 pieces"):
        _write(tmp_path / "sheet.png", "jigsaw", _noise(9, width=40))
    assert list(tmp_path.iterdir()) == []
