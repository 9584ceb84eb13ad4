"""The type that the training loop trains."""

from __future__ import annotations

from typing import Any, TypeAlias

from torch import Tensor, nn

Progress: TypeAlias = float | Tensor
"""The share of the steps that are done, 0 to 1: a number, or a float64 scalar on the device.

A recorded step is replayed without Python, so what changes from step to step is a tensor there.
"""


class Task(nn.Module):
    """A module that turns a batch into losses and figures. Every stage of training is one."""

    recorded: bool = False
    """Whether the operations of a step are recorded and replayed: they must then be the same in
    every step, and nothing may wait for the device."""

    rests_parts: bool = False
    """Whether some trained parameters get no gradient in some of the steps."""

    def set_recorded(self, recorded: bool) -> None:
        """Called by the loop before the first step; for this task and those inside it."""
        for module in self.modules():
            if isinstance(module, Task):
                module.recorded = recorded

    def forward(self, batch: Any, progress: Progress) -> dict[str, Tensor]:
        """Scalar tensors by name; `loss` among them is minimized, the others are logged."""
        raise TypeError(f"{type(self).__name__} defines no forward")

    def after_step(self, progress: Progress) -> None:
        """Called after each optimizer step; for momentum encoders and queues."""
