"""How much is measured: on a GPU, and in seconds on the CPU to see that everything runs."""

from __future__ import annotations

from dataclasses import dataclass

HEIGHT, WIDTH = 32, 88
"""Pixels of the images: those of `generate`'s default size as `pretrain` reads it."""


@dataclass(frozen=True)
class Sizes:
    """`interval` steps are timed together; the first of the `intervals` warms up.

    `backend` is that of torch.compile; `eager` needs no compiler. `loaders` are the processes that
    make lightly's views; `together` says how many trainings run side by side.
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
    loaders: int
    together: tuple[int, ...]


def growth(steps: tuple[int, ...]) -> tuple[str, str]:
    """Settings of a benchmark that shows how accuracy grows with the steps of SimCLR."""
    methods = [f"simclr:pretrain_steps={number}" for number in steps]
    arms = ["scratch", *methods]
    taught = [f"{name}-self-training" for name in arms]
    return f"methods={','.join(methods)}", f"arms={','.join(arms + taught)}"


FULL = Sizes(
    device="cuda",
    # Without oneDNN, fifteen methods at 32 images took the CPU beyond 75 s beside other work.
    compared=8,
    product=8192,
    encoders=("tiny",),
    batches=(256, 1024, 4096),
    precisions=("bf16",),
    interval=20,
    intervals=4,
    pictures=8192,
    pile=860_000,
    pile_batch=1024,
    benchmark=(
        "preset=paper",
        "label_counts=500",
        "seeds=4",
        "lr_grid=0.003,0.006",
        "head_lr_grid=0.003,0.01",
        # What counts for SimCLR is the number of steps, and their rate (docs/results/gpu.md).
        "pretrain_batch_size=256",
        "finetune_steps=1500",
        "unseen_style=none",
        # 1 and 4 million images; 20 million took longer, and taught no more.
        *growth((3_906, 15_625)),
    ),
    backend="inductor",
    loaders=16,
    together=(1, 2, 4, 8),
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
        "label_counts=4",
        "seeds=2",
        "unlabeled=40",
        "test=8",
        "length=2",
        "charset=AB",
        "pretrain_batch_size=8",
        "lr_grid=0.001",
        "head_lr_grid=0.003",
        "finetune_steps=2",
        "finetune_batch_size=4",
        "style=fast",
        "processes=1",
        *growth((1, 2)),
    ),
    backend="eager",
    loaders=0,
    together=(1, 2),
)
