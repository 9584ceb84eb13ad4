from __future__ import annotations

import pytest
import torch

from captcha_ssl.errors import UserError
from captcha_ssl.methods.masking import (
    MaskSettings,
    block_normalized,
    fill_blocks,
    masked_mean,
    random_mask,
)


def test_the_same_number_of_whole_blocks_is_hidden_in_every_image() -> None:
    torch.manual_seed(0)
    mask = random_mask(torch.zeros(20, 3, 32, 64), MaskSettings(mask_ratio=0.7, mask_size=8))
    assert mask.shape == (20, 1, 32, 64)
    blocks = mask.view(20, 4, 8, 8, 8)
    assert torch.equal(blocks.amax((2, 4)), blocks.amin((2, 4)))
    assert blocks.amax((2, 4)).sum((1, 2)).tolist() == [22] * 20
    assert mask.unique(dim=0).shape[0] == 20


def test_a_column_is_hidden_from_top_to_bottom() -> None:
    mask = random_mask(torch.zeros(5, 1, 32, 80), MaskSettings(mask_shape="column"))
    assert torch.equal(mask.amax(2), mask.amin(2))
    assert mask[:, 0, 0].sum(1).tolist() == [7 * 8] * 5


def test_something_is_hidden_and_something_seen_whatever_the_ratio() -> None:
    for ratio in (0.05, 0.95):
        settings = MaskSettings(mask_shape="column", mask_ratio=ratio)
        assert 0 < random_mask(torch.zeros(2, 1, 32, 24), settings).mean() < 1


def test_only_hidden_pixels_count() -> None:
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, 0] = 1
    values = torch.ones(2, 3, 4, 4)
    values[:, :, 1:] = 1000
    assert masked_mean(values, mask) == 1


def test_each_block_is_normalized_on_its_own() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 16, 24) * 5 + 2
    images[0, :, :8, :8] = 7
    found = block_normalized(images, 8)
    block = images[1, :, 8:16, 16:24]
    assert torch.allclose(
        found[1, :, 8:, 16:], (block - block.mean()) / block.std(correction=0), atol=1e-5
    )
    assert found[0, :, :8, :8].abs().max() < 1e-5


def test_a_width_between_two_blocks_is_filled_with_the_last_column() -> None:
    images = torch.rand(1, 1, 16, 21)
    filled = fill_blocks(images, 8)
    assert filled.shape == (1, 1, 16, 24)
    assert torch.equal(filled[..., :21], images)
    assert torch.equal(filled[..., 21:], images[..., -1:].expand(-1, -1, -1, 3))


def test_a_block_that_does_not_divide_the_height_is_refused() -> None:
    with pytest.raises(UserError, match="use 4, 8 or 16"):
        MaskSettings(mask_size=6).check()
