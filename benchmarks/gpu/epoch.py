"""A real epoch with the commands: images rendered on all cores, and one epoch over them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.gpu.command import captcha_ssl
from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import HEIGHT, WIDTH, Sizes


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """One part, since its second half needs what the first has rendered."""
    return {f"epoch over {sizes.pile:,} rendered images": partial(_epoch, sizes, scratch)}


def _epoch(sizes: Sizes, scratch: Path) -> Part:
    rendering = captcha_ssl(
        "generate",
        scratch / "pile",
        "--count",
        sizes.pile,
        "--style",
        "fast",
        "--quiet",
        "--channels",
        1,
        "--height",
        HEIGHT,
        "--width",
        WIDTH,
    )
    learning = captcha_ssl(
        "pretrain",
        scratch / "pile",
        "--out",
        scratch / "encoder",
        "--init-from",
        "none",
        "--epochs",
        1,
        "--batch-size",
        sizes.pile_batch,
        "--device",
        sizes.device,
    )
    return Part(
        {
            "generate, whole command": (rendering, "s"),
            "pretrain, whole command": (learning, "s"),
            "pretrain, images over all of that": (sizes.pile / learning, "images/s"),
        },
        {"how": f"simclr, tiny, batch {sizes.pile_batch}, in the arithmetic that auto chooses"},
    )
