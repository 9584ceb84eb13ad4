"""Does a training step give the same result on the device as on the CPU, in float32?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.losses import loss_errors, two_view_losses
from benchmarks.gpu.method_step import build, method_errors, noise
from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import Sizes
from captcha_ssl.methods.registry import METHODS

TOLERANCE = {"loss": 1e-3, "gradients": 1e-3, "state": 1e-4}
"""The largest relative distance from the CPU's result."""
HOW = (
    "One step from the same weights and images in float32, TF32 off. Random numbers are drawn on "
    "the CPU for both; views and masks are computed from them on each. ELU stands for ReLU, at "
    "whose kink a rounding would switch gradients on and off. The optimizer and what follows it "
    "(state) get the CPU's gradients on both. Losses: value and gradients on fixed embeddings."
)


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """All methods, and all losses."""
    device = torch.device(sizes.device)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False

    def of_method(name: str) -> dict[str, float]:
        method = build(name)
        there = copy.deepcopy(method).to(device)
        return method_errors(method, there, noise(name, sizes.compared))

    return {
        "methods": partial(compare, METHODS, of_method),
        "losses": partial(compare, two_view_losses(device), lambda name: loss_errors(name, device)),
    }


def compare(names: Iterable[str], errors: Callable[[str], dict[str, float]]) -> Part:
    """The number of `names` that agree with the CPU, and the largest error of the gradients."""
    found = {name: _errors_or_reason(name, errors) for name in names}
    apart = [name for name, of_one in found.items() if not agrees(of_one)]
    worst = max((of_one.get("gradients", 0.0), name) for name, of_one in found.items())
    agreed = f"{len(found) - len(apart)} of {len(found)}"
    return Part(
        {
            "agree with the CPU": (", not ".join([agreed, *apart]), ""),
            f"largest error of gradients ({worst[1]})": (worst[0], "of their norm"),
        },
        {"how": HOW, "tolerance": TOLERANCE, "errors": found},
    )


def agrees(errors: dict[str, Any]) -> bool:
    """Whether nothing failed and every distance is within its tolerance."""
    # Written so that NaN, which compares as false, does not pass.
    return "why" not in errors and all(errors[key] <= TOLERANCE[key] for key in errors)


def _errors_or_reason(name: str, errors: Callable[[str], dict[str, float]]) -> dict[str, Any]:
    try:
        return {**errors(name)}
    except Exception as error:
        return {"why": f"{type(error).__name__}: {error}"}
