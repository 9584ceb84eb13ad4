"""How much is measured: on a GPU, and in seconds on the CPU to see that everything runs."""

from __future__ import annotations

from dataclasses import dataclass

HEIGHT, WIDTH = 32, 88
"""Pixels of the images: those of `generate`'s default size as `pretrain` reads it."""


@dataclass(frozen=True)
class Sizes:
    """`interval` steps are timed together; the first of the `intervals` warms up.

    `backend` is that of torch.compile; `eager` needs no compiler.
    """

    device: str
    compared: int
    product: int
    encoders: tuple[str, ...]
    batches: tuple[int, ...]
    precisions: tuple[str, ...]
    interval: int
    intervals: int
    pictures: int
    pile: int
    pile_batch: int
    benchmark: tuple[str, ...]
    backend: str


FULL = Sizes(
    device="cuda",
    compared=32,
    product=8192,
    encoders=("tiny", "small"),
    batches=(256, 1024),
    precisions=("fp32", "bf16"),
    interval=40,
    intervals=6,
    pictures=4096,
    pile=100_000,
    pile_batch=256,
    benchmark=(
        *("label_counts=200", "seeds=3", "unlabeled=50000"),
        *("pretrain_steps=3000", "pretrain_batch_size=256"),
    ),
    backend="inductor",
)

SMALL = Sizes(
    device="cpu",
    compared=4,
    product=128,
    encoders=("tiny",),
    batches=(8,),
    precisions=("fp32", "bf16"),
    interval=1,
    intervals=3,
    pictures=16,
    pile=24,
    pile_batch=8,
    benchmark=(
        *("label_counts=4", "seeds=2", "unlabeled=40", "test=8", "length=2", "charset=AB"),
        *("pretrain_steps=2", "pretrain_batch_size=8", "lr_grid=0.001", "head_lr_grid=0.003"),
        *("finetune_steps=2", "finetune_batch_size=4", "style=fast", "processes=1"),
    ),
    backend="eager",
)
