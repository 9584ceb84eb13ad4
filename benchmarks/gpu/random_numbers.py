"""Random numbers that are the same on every device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_DRAWS = {torch.rand, torch.randn, torch.randint, torch.randperm}
_FILLS = {Tensor.uniform_, Tensor.normal_}


class RandomOnTheCpu(TorchFunctionMode):
    """Inside, whatever is drawn for a device is drawn on the CPU and copied there.

    A GPU has its own generator: the same seed gives other views and masks than on the CPU. Covers
    the random functions that the methods use; `drawing` is true while one of them draws.
    """

    def __init__(self) -> None:
        super().__init__()
        self.drawing = False

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
            return self._drawn(torch.randn, (wanted.shape,), {"dtype": wanted.dtype}, wanted.device)
        if func in _FILLS:
            filled, *limits = args
            empty = torch.empty(filled.shape, dtype=filled.dtype)
            return filled.copy_(self._drawn(func, (empty, *limits), options, filled.device))
        if func not in _DRAWS:
            return func(*args, **options)
        return self._drawn(func, args, options, options.pop("device", None) or "cpu")

    def _drawn(
        self, func: Callable[..., Any], args: Any, options: dict[str, Any], device: Any
    ) -> Tensor:
        self.drawing = True
        try:
            drawn: Tensor = func(*args, **options)
        finally:
            self.drawing = False
        return drawn.to(device)
