"""Run under torchrun or alone: one step of every method on views that are given.

Every rank writes, for each method, its loss, gradients and buffers to OUT/METHOD-RANK.safetensors.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from captcha_ssl.launch import leave, rank
from captcha_ssl.losses.registry import LossSettings
from captcha_ssl.methods.instances import InstanceSettings
from captcha_ssl.methods.moco import MoCoSettings
from captcha_ssl.methods.registry import method_class
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.ranks import own_rows, shuffled, world_size
from captcha_ssl.training.distributed import joined, shared, spread_norms

BATCH = 12
CASES: dict[str, tuple[str, tuple[Any, ...]]] = {
    **{
        f"simclr-{loss}": ("simclr", (LossSettings(loss=loss, mining="hard"),))
        for loss in ("infonce", "contrastive", "triplet", "n-pair")
    },
    **{
        f"moco-{loss}": ("moco", (LossSettings(loss=loss, mining="hard"), MoCoSettings(queue=32)))
        for loss in ("infonce", "triplet")
    },
    **{name: (name, ()) for name in ("simsiam", "byol", "swav", "barlow-twins", "vicreg")},
}


def main(out: Path) -> None:
    with joined():
        for name, (method, given) in CASES.items():
            save_file(one_step(method, given), out / f"{name}-{rank()}.safetensors")
        save_file(shuffling(), out / f"shuffled-{rank()}.safetensors")


def one_step(name: str, given: tuple[Any, ...]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    wanted = {type(settings): settings for settings in (*given, InstanceSettings("window"))}
    classes = method_class(name).settings_classes
    method = method_class(name)(
        build_encoder("tiny", 1, 32), *(wanted.get(kind) or kind() for kind in classes)
    )
    spread_norms(method, torch.device("cpu"))
    if name == "moco":
        # Its norms keep to one rank by design; without them the ranks must agree with one.
        for module in method.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
    views = torch.randn(2, BATCH, 1, 32, 40, generator=torch.Generator().manual_seed(1))
    method.instances.views = lambda images: (own_rows(views[0]), own_rows(views[1]))  # type: ignore
    called = shared(method, torch.device("cpu"))
    loss = called(torch.zeros(BATCH // world_size(), 1, 32, 40), 0.5)["loss"]
    loss.backward()
    found = {f"gradient.{n}": p.grad for n, p in method.named_parameters() if p.grad is not None}
    found |= {f"buffer.{n}": buffer.float() for n, buffer in method.named_buffers()}
    return {"loss": loss.detach()[None], **{n: t.contiguous() for n, t in found.items()}}


def shuffling() -> dict[str, Tensor]:
    rows = torch.arange(4.0)[:, None] + 4 * rank()
    mine, undo = shuffled(rows)
    return {"mine": mine.contiguous(), "restored": undo(10 * mine).contiguous()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave(0)
