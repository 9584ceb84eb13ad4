"""Methods without negatives: what stands still gets no gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.methods.byol import BYOL, rising_momentum
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.registry import method_class
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.parameters import parameter_groups


class Deaf(nn.Module):
    """A predictor that says the same whatever it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.says = nn.Parameter(torch.randn(128))

    def forward(self, z: Tensor) -> Tensor:
        return self.says.expand(len(z), -1)


def _build(name: str) -> Method:
    torch.manual_seed(0)
    cls = method_class(name)
    return cls(build_encoder("tiny", 1, 32), *(settings() for settings in cls.settings_classes))


def _images() -> Tensor:
    torch.manual_seed(1)
    return torch.randint(0, 256, (4, 1, 32, 64), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["simsiam", "byol"])
def test_the_encoder_learns_through_the_prediction_alone(name: str) -> None:
    method = _build(name)
    method.predictor = Deaf()
    method(_images(), 0.0)["loss"].backward()
    assert method.predictor.says.grad is not None
    assert all(parameter.grad is None for parameter in method.encoder.parameters())


def _byol() -> BYOL:
    method = _build("byol")
    assert isinstance(method, BYOL)
    return method


def test_the_target_is_neither_differentiated_nor_optimized() -> None:
    byol = _byol()
    byol(_images(), 0.0)["loss"].backward()
    target = [*byol.target_encoder.parameters(), *byol.target_projector.parameters()]
    assert all(parameter.grad is None for parameter in target)
    trained = {id(p) for group in parameter_groups(byol, 0.1, 0.1) for p in group["params"]}
    assert not trained & {id(parameter) for parameter in target}


def test_the_target_follows_after_the_step() -> None:
    byol = _byol()
    before = [p.clone() for p in byol.target_projector.parameters()]
    with torch.no_grad():
        for parameter in byol.projector.parameters():
            parameter.add_(1.0)
    byol(_images(), 0.0)
    after = list(byol.target_projector.parameters())
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    byol.after_step(0.5)
    momentum = 1 - 0.01 / 2
    for old, new in zip(before, after, strict=True):
        assert torch.allclose(new, momentum * old + (1 - momentum) * (old + 1), atol=1e-6)


def test_the_momentum_of_the_target_rises_to_one() -> None:
    assert [rising_momentum(0.9, progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx(
        [0.9, 0.95, 1.0]
    )
