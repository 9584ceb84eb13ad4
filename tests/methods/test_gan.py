from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.methods.adversary import AdversaryAdamW
from captcha_ssl.methods.gan import GAN, GANSettings
from captcha_ssl.methods.masking import MaskSettings
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.parameters import parameter_groups


def _gan(**changed: Any) -> GAN:
    torch.manual_seed(0)
    return GAN(build_encoder("tiny", 1, 32), GANSettings(**changed), MaskSettings())


def _images() -> Tensor:
    torch.manual_seed(1)
    return torch.randint(0, 256, (8, 1, 32, 64), dtype=torch.uint8)


def test_the_moments_are_those_of_adamw() -> None:
    torch.manual_seed(0)
    one, two = nn.Linear(3, 4), nn.Linear(3, 4)
    two.load_state_dict(one.state_dict())
    own = AdversaryAdamW(one, betas=(0.5, 0.99), weight_decay=0.1)
    reference = torch.optim.AdamW(two.parameters(), lr=0.01, betas=(0.5, 0.99), weight_decay=0.1)
    for _ in range(5):
        gradients = [torch.randn_like(parameter) for parameter in two.parameters()]
        for parameter, gradient in zip(two.parameters(), gradients, strict=True):
            parameter.grad = gradient
        reference.step()
        own.step(one, gradients, 0.01)
    assert torch.allclose(one.weight, two.weight, atol=1e-6)
    assert torch.allclose(one.bias, two.bias, atol=1e-6)


def test_the_loop_trains_everything_but_the_discriminator() -> None:
    method = _gan()
    trained = {id(p) for group in parameter_groups(method, 0.1, 0.0) for p in group["params"]}
    judging = {id(p) for p in method.discriminator.parameters()}
    assert not trained & judging
    assert len(trained | judging) == len(list(method.parameters()))


def test_a_step_moves_the_discriminator_alone_and_its_moments_are_saved() -> None:
    method = _gan()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method(_images(), 0.0)["loss"].backward()
    after = method.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    judging = {f"discriminator.{name}" for name, _ in method.discriminator.named_parameters()}
    assert judging <= moved
    assert {"optimizer.first", "optimizer.second", "optimizer.steps"} <= moved
    learned = {name for name, parameter in method.named_parameters() if parameter.requires_grad}
    assert not learned & moved
    assert all(parameter.grad is None for parameter in method.discriminator.parameters())


def test_the_discriminator_learns_to_tell_real_from_restored() -> None:
    method, images = _gan(discriminator_lr=2e-3), _images()
    losses = [method(images, 0.0)["discriminator"].item() for _ in range(25)]
    assert losses[-1] < 0.5 * losses[0]


def test_a_discriminator_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(UserError, match="discriminator_width = 6: use a multiple of 4"):
        _gan(discriminator_width=6)


def test_the_adversarial_loss_alone_trains_the_encoder() -> None:
    method = _gan()
    figures = method(_images(), 0.0)
    gradients = torch.autograd.grad(figures["deceit"], list(method.encoder.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
