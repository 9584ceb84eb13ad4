"""Random numbers that are the same on every device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWS = {torch.rand, torch.randn, torch.randint, torch.randperm}


class RandomOnTheCpu(TorchFunctionMode):
    """Inside, whatever is drawn for a device is drawn on the CPU and copied there.

    A GPU has its own generator: the same seed gives other views and masks than on the CPU. Covers
    the random functions that this project uses.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if func is torch.randn_like:
            wanted = args[0]
            return torch.randn(wanted.shape, dtype=wanted.dtype).to(wanted.device)
        if func not in _DRAWS:
            return func(*args, **options)
        device = options.pop("device", None)
        return func(*args, **options).to(device or "cpu")
