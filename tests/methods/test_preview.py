"""What a method draws for a person is what it shows its encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from captcha_ssl.methods.autoencoder import AutoencoderSettings
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.registry import METHODS, method_class
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import build_encoder, standardize


def _build(name: str, *changed: Any, channels: int = 1) -> Method:
    """Settings in `changed` take the place of the defaults of their class."""
    given = {type(settings): settings for settings in changed}
    cls = method_class(name)
    settings = (given.get(wanted, wanted()) for wanted in cls.settings_classes)
    return cls(build_encoder("tiny", channels, 32), *settings)


def _images(channels: int = 1) -> Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (6, channels, 32, 96), dtype=torch.uint8)


def _seen(method: Method, images: Tensor, seed: int) -> list[Tensor]:
    """What a training step shows the encoder."""
    seen: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(seed)
    method(images, 0.0)
    return seen


def _shown(method: Method, images: Tensor, seed: int) -> list[Tensor]:
    torch.manual_seed(seed)
    return list(method.preview(images).values())


def _parts(pictures: Tensor, width: int, gap: int) -> Tensor:
    """The parts of pictures that lie side by side, `[N, C, H, width]`."""
    lefts = range(0, pictures.shape[3], width + gap)
    return torch.cat([pictures[..., left : left + width] for left in lefts])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_method_shows_a_picture_per_image_and_caption(name: str, channels: int) -> None:
    if name == "colorization" and channels == 1:
        pytest.skip("takes color images alone")
    pictures = _build(name, channels=channels).preview(_images(channels))
    assert pictures
    for caption, picture in pictures.items():
        assert caption
        assert picture.is_floating_point()
        assert picture.shape[:2] == (6, channels)
        assert picture.nan_to_num().std() > 0.2


@pytest.mark.parametrize("name", METHODS)
def test_a_preview_changes_no_state(name: str) -> None:
    method = _build(name, channels=3)
    before = {key: value.clone() for key, value in method.state_dict().items()}
    method.preview(_images(3))
    assert all(torch.equal(value, before[key]) for key, value in method.state_dict().items())


def test_the_crops_shown_are_those_that_are_encoded() -> None:
    images = _images()
    method = _build("simclr", InstanceSettings(crops=2, crop_width=40))
    seen, shown = _seen(method, images, 3), _shown(method, images, 3)
    assert len(seen) == len(shown) == 2
    for joined, picture in zip(seen, shown, strict=True):
        # Joined in threes before they are encoded, in an order that is of no account here.
        encoded, crops = _parts(joined, 40, 0).flatten(1), _parts(picture, 40, 2).flatten(1)
        assert encoded.shape == crops.shape == (12, 32 * 40)
        order = torch.cdist(crops, encoded).argmin(1)
        assert order.unique().numel() == 12
        assert torch.equal(encoded[order], crops)


@pytest.mark.parametrize("name", ["autoencoder", "gan"])
def test_the_preview_hides_what_the_encoder_does_not_see(name: str) -> None:
    images = _images()
    method = _build(name)
    (seen,), (given, target) = _seen(method, images, 3), _shown(method, images, 3)
    assert torch.equal(seen, given)
    assert torch.equal(given == 0, target != 0)


@pytest.mark.parametrize("variant", ["denoising", "plain", "variational"])
def test_other_autoencoders_show_their_input_and_the_whole_picture(variant: str) -> None:
    images = _images()
    method = _build("autoencoder", AutoencoderSettings(variant=variant))
    (seen,), shown = _seen(method, images, 3), _shown(method, images, 3)
    assert torch.equal(seen, shown[0])
    assert torch.equal(shown[-1], standardize(images))


def test_every_turn_of_a_window_is_shown() -> None:
    images = _images()
    method = _build("rotation")
    (seen,), shown = _seen(method, images, 3), _shown(method, images, 3)
    assert torch.equal(torch.cat([_parts(picture, 32, 2) for picture in shown]), seen)


def test_the_pieces_shown_are_those_that_are_encoded() -> None:
    images = _images()
    method = _build("jigsaw")
    (seen,), (_, target) = _seen(method, images, 3), _shown(method, images, 3)
    assert torch.equal(_parts(target, seen.shape[3], 2), seen)


def test_colorization_shows_the_lightness_that_is_encoded() -> None:
    images = _images(3)
    method = _build("colorization", channels=3)
    (seen,), (gray, _) = _seen(method, images, 3), _shown(method, images, 3)
    assert torch.equal(gray, seen)
