"""Run under torchrun or alone: one step of every method on views that are given.

Every rank writes, for each method, its loss, gradients and buffers to OUT/METHOD-RANK.safetensors.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from captcha_ssl.launch import leave, rank
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.moco import MoCoSettings
from captcha_ssl.methods.registry import method_class
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.ranks import own_rows, shuffled, world_size
from captcha_ssl.training.distributed import joined, shared, spread_norms
from captcha_ssl.training.loop import train
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings

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
        trained(out / "whole")
        with suppress(KeyboardInterrupt):
            trained(out / "broken", stop_at=13)
        trained(out / "broken")
        save_file(shuffling(), out / f"shuffled-{rank()}.safetensors")


def one_step(name: str, given: tuple[Any, ...]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    wanted = {
        type(settings): settings for settings in (*given, InstanceSettings(instances="window"))
    }
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


class Uneven(nn.Module):
    """Logs 64 figures that differ from rank to rank; asks to be stopped in the step `stop_at`."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.weight, self.stop_at, self.calls = nn.Parameter(torch.ones(1)), stop_at, 0

    def forward(self, batch: Tensor, progress: float) -> dict[str, Tensor]:
        if self.calls == self.stop_at:
            signal.raise_signal(signal.SIGTERM)
        self.calls += 1
        drawn = {f"figure {i}": figure for i, figure in enumerate(1000 * torch.randn(64))}
        return {"loss": self.weight.square().sum(), **drawn}

    def after_step(self, progress: float) -> None:
        pass


def trained(folder: Path, stop_at: int | None = None) -> None:
    if not rank() and not folder.exists():
        RunDirectory.create(folder, "")
    if world_size() > 1:
        # What the first rank writes, be it the state of a stopped run, is there for the others.
        dist.barrier()
    task = Uneven(stop_at)
    loop = LoopSettings(batch_size=4, log_every=10, checkpoint_every=10, device="cpu")
    groups = [{"params": list(task.parameters()), "lr": loop.lr}]
    run = RunDirectory(folder, writes=not rank())
    train(task, groups, lambda indices: indices, 8, 20, loop, run=run)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave(0)
