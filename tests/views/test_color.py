from __future__ import annotations

import pytest
import torch
from torch import Tensor

from captcha_ssl.models.encoder import standardize
from captcha_ssl.views.color import vary_color


@pytest.fixture
def red() -> Tensor:
    """300 times the same red bar on white."""
    pixels = torch.full((300, 3, 16, 24), 240, dtype=torch.uint8)
    pixels[..., 4:12, 10:14] = torch.tensor([200, 20, 40], dtype=torch.uint8).view(3, 1, 1)
    torch.manual_seed(0)
    return standardize(pixels)


def _contrast(images: Tensor) -> Tensor:
    """How much darker the bar is than the paper, by channel, `[B, 3]`."""
    return images[:, :, 0, 0] - images[:, :, 8, 12]


def test_color_does_not_identify_an_image(red: Tensor) -> None:
    faintest = _contrast(vary_color(red, 1.0)).argmin(1)
    shares = torch.bincount(faintest, minlength=3) / len(red)
    assert torch.all((shares - 1 / 3).abs() < 0.12)


def test_ink_stays_darker_than_paper_in_every_channel(red: Tensor) -> None:
    assert (_contrast(vary_color(red, 1.0)) > 0.1).all()


def test_pixels_of_one_color_stay_of_one_color(red: Tensor) -> None:
    mixed = vary_color(red, 1.0)
    assert torch.allclose(mixed[:, :, 4:12, 10:14], mixed[:, :, 4:5, 10:11], atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_requested_share_is_changed(red: Tensor, share: float) -> None:
    changed = (vary_color(red, share) != red).flatten(1).any(1).float().mean()
    assert abs(changed - share) < 0.1


def test_gray_images_do_not_change_and_draw_no_random_numbers(red: Tensor) -> None:
    gray, before = red[:, :1], torch.get_rng_state()
    assert torch.equal(vary_color(gray, 1.0), gray)
    assert torch.equal(torch.get_rng_state(), before)
