from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import WIDTHS, build_encoder, standardize
from captcha_ssl.training.settings import ENCODERS


def test_the_settings_offer_exactly_the_known_encoders() -> None:
    assert tuple(WIDTHS) == ENCODERS


@pytest.mark.parametrize("name", WIDTHS)
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 32, 96), (3, 48, 61), (1, 64, 8)])
def test_frames_are_as_declared(name: str, channels: int, height: int, width: int) -> None:
    encoder = build_encoder(name, channels, height).eval()
    frames = encoder(torch.zeros(2, channels, height, width))
    assert frames.shape == (2, encoder.frames(width), encoder.dim)


@settings(deadline=None, max_examples=20)
@given(st.integers(8, 200))
def test_the_declared_count_of_frames_holds_for_every_width(width: int) -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    with torch.no_grad():
        assert encoder(torch.zeros(1, 1, 32, width)).shape[1] == encoder.frames(width)


def test_frames_follow_the_image_from_left_to_right() -> None:
    torch.manual_seed(0)
    encoder = build_encoder("tiny", 1, 32).eval()
    plain, marked = torch.zeros(2, 1, 1, 32, 160)
    marked[..., 0:8] = 3.0
    changed = (encoder(plain) - encoder(marked)).abs().sum(-1)[0]
    assert changed[:4].min() > 0
    assert changed[20:].max() == 0


def test_moving_the_image_by_one_stride_moves_the_frames_by_one() -> None:
    torch.manual_seed(0)
    encoder = build_encoder("tiny", 1, 32).eval()
    image = torch.zeros(1, 1, 32, 200)
    image[..., 80:120] = torch.randn(1, 1, 32, 40)
    frames, moved = encoder(image)[0], encoder(image.roll(4, 3))[0]
    assert torch.allclose(frames[12:35], moved[13:36], atol=1e-5)


def test_impossible_choices_are_refused() -> None:
    with pytest.raises(UserError, match="encoder 'huge' is not known"):
        build_encoder("huge", 1, 32)
    with pytest.raises(UserError, match="multiple of 16"):
        build_encoder("tiny", 1, 40)


@given(st.integers(0, 1000))
def test_standardized_images_have_mean_zero_and_deviation_one(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (3, 1, 8, 9), generator=generator, dtype=torch.uint8)
    pixels = standardize(images)
    assert torch.allclose(pixels.mean((1, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(pixels.std((1, 2, 3), correction=0), torch.ones(3), atol=1e-4)


def test_contrast_and_brightness_of_the_scan_do_not_matter() -> None:
    images = torch.randint(0, 100, (2, 1, 8, 8), dtype=torch.uint8)
    assert torch.allclose(standardize(images), standardize(images * 2 + 10), atol=1e-5)


def test_a_flat_image_becomes_zeros() -> None:
    assert standardize(torch.full((1, 1, 4, 4), 200, dtype=torch.uint8)).abs().max() == 0
