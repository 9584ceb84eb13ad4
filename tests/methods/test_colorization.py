from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.methods.colorization import Colorization, ColorizationSettings
from captcha_ssl.models.encoder import build_encoder, standardize


def _colorization(**changed: Any) -> Colorization:
    torch.manual_seed(0)
    return Colorization(build_encoder("tiny", 3, 32), ColorizationSettings(**changed))


def _images(width: int = 64) -> Tensor:
    return torch.randint(0, 256, (4, 3, 32, width), dtype=torch.uint8)


def test_a_gray_encoder_is_refused() -> None:
    with pytest.raises(UserError, match="needs color images; set channels=3"):
        Colorization(build_encoder("tiny", 1, 32), ColorizationSettings())


def test_gray_images_are_refused_and_one_in_color_is_enough() -> None:
    images = _images()[:, :1].repeat(1, 3, 1, 1)
    with pytest.raises(UserError, match="these are gray"):
        _colorization().check(images)
    images[2, 0, :4, :4] += 60
    _colorization().check(images)


def test_the_preview_paints_the_lightness_in_the_colors_of_the_classes() -> None:
    """With bins this small the classes are the colors, up to the mean of four pixels."""
    images = torch.zeros(2, 3, 32, 62, dtype=torch.uint8)
    images[0, 0, :, :30], images[1, 2, :, 30:] = 180, 180
    gray, painted = _colorization(color_bins=32).preview(images).values()
    assert torch.equal(gray[:, 0], gray[:, 2])
    assert (painted - standardize(images)).abs().mean() < 0.1
    coarse = _colorization(color_bins=2).preview(images)["target: classes of color"]
    assert (coarse - standardize(images)).abs().mean() > 0.2


def test_the_encoder_sees_no_color() -> None:
    method = _colorization()
    seen: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.zeros(2, 3, 32, 64, dtype=torch.uint8)
    images[0, 0, :, :32], images[1, 2, :, :32] = 255, 255
    method(images, 0.0)
    assert torch.equal(seen[0][:, 0], seen[0][:, 1])
    assert torch.equal(seen[0][:, 0], seen[0][:, 2])
    # Pure red and pure blue differ in lightness, which is all that is left of them.
    assert torch.allclose(seen[0][0], seen[0][1], atol=1e-4)


def test_the_class_is_the_bin_of_the_mean_color_of_four_pixels() -> None:
    method = _colorization(color_bins=9)
    ab = torch.zeros(1, 2, 2, 6)
    ab[0, :, :, 2:4] = torch.tensor([-300.0, 300.0])[:, None, None]
    ab[0, 0, 0, 4:] = 60.0
    assert method.color_class(ab).tolist() == [[[4 * 9 + 4, 0 * 9 + 8, 6 * 9 + 4]]]


def test_an_odd_width_works_too() -> None:
    assert _colorization()(_images(61), 0.0)["loss"].isfinite()


def test_rare_colors_weigh_more_and_the_mean_weight_is_one() -> None:
    method = _colorization(color_bins=2, color_rebalance=0.5)
    target = torch.tensor([0] * 90 + [3] * 10)
    weight = method._weights(target)
    assert weight[3] > weight[0]
    assert weight[target].mean() == pytest.approx(1.0, rel=1e-5)
    assert torch.equal(_colorization(color_rebalance=0.0)._weights(target), torch.ones(81))
