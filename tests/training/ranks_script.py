"""Run under torchrun or alone: one step of every method on views that are given.

Every rank writes, for each method, its loss, gradients and buffers to OUT/METHOD-RANK.safetensors.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.launch import leave, rank
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods import masking
from captcha_ssl.methods.moco import MoCoSettings
from captcha_ssl.methods.registry import method_class
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.ranks import own_rows, shuffled, world_size
from captcha_ssl.models.task import Task
from captcha_ssl.recognition.fine_tuning import ctc, self_training
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask
from captcha_ssl.recognition.fine_tuning.plateau import Plateau
from captcha_ssl.recognition.fine_tuning.self_training import SelfTrainingTask
from captcha_ssl.recognition.fine_tuning.settings import SelfTrainingSettings
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.training.distributed import rank_group, shared, spread_norms
from captcha_ssl.training.loop import train
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.views.settings import ViewSettings

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
ON_PIXELS = ("gan", "colorization", "ctc", "self-training")
"""What is compared on given images, instead of given views."""


def main(out: Path) -> None:
    ctc.random_view = self_training.random_view = as_they_are  # type: ignore
    masking.random_mask = half_hidden  # type: ignore
    with rank_group():
        for name, (method, given) in CASES.items():
            save_file(one_step(method, given), out / f"{name}-{rank()}.safetensors")
        for name in ON_PIXELS:
            with doubled(name):
                found = one_step_on_pixels(name)
            save_file(found, out / f"{name}-{rank()}.safetensors")
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


@contextmanager
def doubled(name: str) -> Iterator[None]:
    """In float64 for the GAN: its leaky units turn a rounding error into other gradients."""
    if name == "gan":
        torch.set_default_dtype(torch.float64)
        single, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double  # type: ignore
        try:
            yield
        finally:
            torch.set_default_dtype(torch.float32)
            torch.Tensor.float = single  # type: ignore
    else:
        yield


def one_step_on_pixels(name: str) -> dict[str, Tensor]:
    """Two calls, so that what the first one changes beside the gradients counts too."""
    torch.manual_seed(0)
    task: Any = recognizer_task(name) if name in ("ctc", "self-training") else drawing_task(name)
    spread_norms(task, torch.device("cpu"))
    called = shared(task, torch.device("cpu"))
    drawn = torch.Generator().manual_seed(1)
    channels = 3 if name == "colorization" else 1
    images = torch.randint(0, 256, (BATCH, channels, 32, 48), generator=drawn, dtype=torch.uint8)
    # The halves differ in their colors, and in the lengths of their labels.
    images[: BATCH // 2, :1] //= 4
    lengths = torch.tensor([1] * (BATCH // 2) + [3] * (BATCH // 2))
    classes = torch.randint(1, 4, (BATCH, 3), generator=drawn)
    classes[lengths == 1, 1:] = 0
    batch: Any = own_rows(images)
    if name in ("ctc", "self-training"):
        batch = (batch, own_rows(classes), own_rows(lengths))
    if name == "self-training":
        pile = torch.randint(0, 256, (BATCH, 1, 32, 48), generator=drawn, dtype=torch.uint8)
        batch = (batch, own_rows(pile))
    for _ in range(2):
        task.zero_grad()
        loss = called(batch, 0.5)["loss"]
        loss.backward()
    found = {f"gradient.{n}": p.grad for n, p in task.named_parameters() if p.grad is not None}
    found |= {
        f"buffer.{n}": buffer.float()
        for n, buffer in task.named_buffers()
        if not n.endswith("num_batches_tracked")
    }
    return {"loss": loss.detach()[None], **{n: t.contiguous() for n, t in found.items()}}


def drawing_task(name: str) -> nn.Module:
    classes = method_class(name).settings_classes
    encoder = build_encoder("tiny", 3 if name == "colorization" else 1, 32)
    return method_class(name)(encoder, *(kind() for kind in classes))


def recognizer_task(name: str) -> nn.Module:
    """A task whose views show the images as they are, and that sits on the CTC plateau."""
    charset = Charset("abc")
    recognizer = Recognizer(build_encoder("tiny", 1, 32), charset, Geometry(1, 32, 48))
    task = CTCTask(
        recognizer, ViewSettings(), alignment=0.5, plateau=Plateau(charset, at_once=True)
    )
    if name == "ctc":
        return task
    return SelfTrainingTask(task, SelfTrainingSettings(confidence=0.0, ramp=0.0), ["ab", "ba"])


def as_they_are(pixels: Tensor, settings: Any) -> Tensor:
    return pixels


def half_hidden(pixels: Tensor, settings: Any) -> Tensor:
    mask = torch.zeros_like(pixels[:, :1])
    mask[..., : pixels.shape[3] // 2] = 1
    return mask


def shuffling() -> dict[str, Tensor]:
    rows = torch.arange(4.0)[:, None] + 4 * rank()
    mine, undo = shuffled(rows)
    return {"mine": mine.contiguous(), "restored": undo(10 * mine).contiguous()}


class Uneven(Task):
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
