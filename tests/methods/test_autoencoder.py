from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from captcha_ssl.methods.autoencoder import VARIANTS, Autoencoder, AutoencoderSettings, corrupt
from captcha_ssl.methods.masking import MaskSettings
from captcha_ssl.models.encoder import build_encoder, standardize


def _autoencoder(variant: str, **changed: Any) -> Autoencoder:
    torch.manual_seed(0)
    settings = AutoencoderSettings(variant=variant, **changed)
    return Autoencoder(build_encoder("tiny", 1, 32), settings, MaskSettings())


def _bars(width: int = 64) -> Tensor:
    torch.manual_seed(1)
    columns = (torch.rand(16, 1, 1, width) < 0.3).expand(-1, -1, 32, -1)
    return torch.where(columns, 20, 230).to(torch.uint8)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_learns_to_reconstruct(variant: str) -> None:
    method, images = _autoencoder(variant), _bars()
    optimizer = torch.optim.AdamW(method.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        loss = method(images, 0.0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_width_between_two_frames_works_too(variant: str) -> None:
    assert _autoencoder(variant)(_bars(61), 0.0)["loss"].isfinite()


def test_hidden_pixels_do_not_reach_the_encoder() -> None:
    method = _autoencoder("masked")
    seen: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = _bars()
    method(images, 0.0)
    hidden = seen[0] == 0
    assert hidden.float().mean() == pytest.approx(0.7, abs=0.02)
    assert torch.equal(seen[0][~hidden], standardize(images)[~hidden])


def test_a_code_that_is_standard_normal_has_no_divergence() -> None:
    method = _autoencoder("variational")
    torch.nn.init.zeros_(method.code.weight)
    torch.nn.init.zeros_(method.code.bias)
    figures = method(_bars(), 0.0)
    assert figures["divergence"] == 0
    assert figures["loss"] == 0.5 * figures["error"]


def test_the_divergence_is_that_of_two_gaussians() -> None:
    method = _autoencoder("variational", code_width=2)
    torch.nn.init.zeros_(method.code.weight)
    with torch.no_grad():
        method.code.bias.copy_(torch.tensor([0.5, -1.0, 0.3, -0.7]))
    found = method(_bars(), 0.0)["divergence"]
    normal = torch.distributions.Normal
    mean, deviation = torch.tensor([0.5, -1.0]), torch.exp(torch.tensor([0.3, -0.7]) / 2)
    each = torch.distributions.kl_divergence(normal(mean, deviation), normal(0.0, 1.0)).sum()
    assert torch.allclose(found, each * 16 / (32 * 64))


def test_corruption_hits_the_picture_and_nothing_at_strength_zero() -> None:
    pixels = standardize(_bars())
    assert not torch.allclose(corrupt(pixels, AutoencoderSettings()), pixels)
    still = AutoencoderSettings(corrupt_strokes=0, corrupt_dots=0, corrupt_blur=0, corrupt_noise=0)
    assert torch.equal(corrupt(pixels, still), pixels)
