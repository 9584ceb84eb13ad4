"""A step of SimCLR with compiled parts, to see whether `torch.compile` is worth it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from captcha_ssl.methods.simclr import SimCLR
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.training.optimizer import build_optimizer

Compile = Callable[..., Any]


def compiled_step(
    variant: str, images: Tensor, encoder: str, precision: torch.dtype, backend: str = "inductor"
) -> Callable[[], Tensor]:
    """A step on `images` uint8 `[B, C, H, W]`, on their device; returns the loss.

    `variant` is one of VARIANTS. The backend `eager` compiles nothing, but follows the same path.
    """
    torch.manual_seed(0)
    torch.compiler.reset()
    device = images.device
    settings: tuple[Any, ...] = tuple(default() for default in SimCLR.settings_classes)
    method = SimCLR(build_encoder(encoder, *images.shape[1:3]), *settings).to(device)
    VARIANTS[variant](method, partial(torch.compile, backend=backend, dynamic=False))
    optimizer = build_optimizer(parameter_groups(method, 1e-3, 0.05))
    autocast = torch.autocast(device.type, precision, enabled=precision != torch.float32)

    def step() -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with autocast:
            loss: Tensor = method(images, 0.0)["loss"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(method.parameters(), 5.0)
        optimizer.step()
        return loss.detach()

    return step


def _encoder(method: SimCLR, compile: Compile) -> None:
    method.encoder.forward = compile(method.encoder.forward)  # type: ignore[method-assign]


def _encoder_and_views(method: SimCLR, compile: Compile) -> None:
    _encoder(method, compile)
    method.instances.view = compile(method.instances.view)  # type: ignore[attr-defined]


def _graphs(method: SimCLR, compile: Compile) -> None:
    _encoder(method, partial(compile, options={"triton.cudagraphs": True}))


VARIANTS: dict[str, Callable[[SimCLR, Compile], None]] = {
    "nothing compiled": lambda method, compile: None,
    "encoder compiled": _encoder,
    "encoder and views compiled": _encoder_and_views,
    "encoder compiled, in CUDA graphs": _graphs,
}
