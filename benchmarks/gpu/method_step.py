"""One training step of a method, on a device and on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.gpu.distance import distance
from benchmarks.gpu.random_numbers import RandomOnTheCpu
from benchmarks.gpu.sizes import HEIGHT, WIDTH
from benchmarks.gpu.smooth import Smooth
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.registry import method_class
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.training.optimizer import build_optimizer

_PROGRESS = 0.25


def method_errors(method: Method, other: Method, images: Tensor) -> dict[str, float]:
    """The distances of `other`, which begins as a copy of `method` on the CPU, after one step.

    `gradients` are all of them end to end; `state` is all that a run would save, after AdamW.
    Both optimizers get the gradients of the CPU: AdamW makes a whole step even of a gradient that
    is nothing but rounding. The CPU computes without oneDNN, so that there is something to
    compare where `other` is on the CPU too.
    """
    with torch.backends.mkldnn.flags(enabled=False):
        loss = _backward(method, images)
    loss_there = _backward(other, images)
    gradients, gradients_there = _gradients(method), _gradients(other)
    found = {
        "loss": distance([loss], [loss_there]),
        "gradients": distance(gradients, gradients_there),
    }
    for here, there in zip(gradients, gradients_there, strict=True):
        there.copy_(here)
    for stepped in (method, other):
        optimizer = build_optimizer(parameter_groups(stepped, 3e-3, 0.05))
        nn.utils.clip_grad_norm_(stepped.parameters(), 5.0)
        optimizer.step()
        stepped.after_step(_PROGRESS)
    return found | {"state": distance(_state(method), _state(other))}


def build(name: str) -> Method:
    """A method with its default settings, on the CPU."""
    torch.manual_seed(0)
    found = method_class(name)
    encoder = build_encoder("tiny", _channels(name), HEIGHT)
    return found(encoder, *(settings() for settings in found.settings_classes))


def noise(name: str, count: int) -> Tensor:
    """Images for a method, uint8 `[count, C, HEIGHT, WIDTH]`, every pixel independent.

    On plain paper thousands of equal activations lie on the edge of a ReLU, and one rounding would
    tip them all.
    """
    drawn = torch.Generator().manual_seed(0)
    shape = (count, _channels(name), HEIGHT, WIDTH)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=drawn)


def _backward(method: Method, images: Tensor) -> Tensor:
    device = next(method.parameters()).device
    torch.manual_seed(1)
    with RandomOnTheCpu(), Smooth():
        loss: Tensor = method(images.to(device), _PROGRESS)["loss"]
    loss.backward()  # type: ignore[no-untyped-call]
    return loss


def _gradients(method: Method) -> list[Tensor]:
    return [p.grad for p in method.parameters() if p.grad is not None]


def _state(method: Method) -> list[Tensor]:
    return [value for value in method.state_dict().values() if value.is_floating_point()]


def _channels(name: str) -> int:
    return 3 if name == "colorization" else 1
