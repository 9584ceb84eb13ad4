"""What the training loop trains."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Task(nn.Module):
    """A module that turns a batch into losses and figures. Every stage of training is one."""

    def forward(self, batch: Any, progress: float) -> dict[str, Tensor]:
        """Scalar tensors by name; `loss` among them is minimized, the others are logged.

        `progress` is the share of the steps that are done, 0 to 1.
        """
        raise TypeError(f"{type(self).__name__} defines no forward")

    def after_step(self, progress: float) -> None:
        """Called once the optimizer has stepped; for momentum encoders and queues."""
