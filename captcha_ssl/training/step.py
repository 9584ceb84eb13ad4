"""One step of training: forward, backward, clipping, AdamW, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from captcha_ssl.models.task import Progress, Task
from captcha_ssl.training.device import advice_on_memory


class Step:
    """Trains `task` by one batch at each call.

    Whatever changes from step to step it takes from tensors, if the optimizer was built with
    rates in tensors and `progress` is one: then its operations can be recorded and replayed.
    """

    def __init__(
        self,
        task: Task,
        called: Callable[..., dict[str, Tensor]],
        optimizer: torch.optim.Optimizer,
        autocast: AbstractContextManager[Any],
        clip: float,
        batch_size: int,
    ) -> None:
        """`called` is `task`, or its compiled form; `batch_size` is named when memory runs out."""
        self.task, self.called, self.optimizer = task, called, optimizer
        self.autocast, self.clip, self.batch_size = autocast, clip, batch_size
        self.names: tuple[str, ...] = ()
        """The names of the figures, after the first step."""

    def __call__(self, batch: Any, progress: Progress) -> Tensor:
        """The figures of the step, float32 `[len(names)]`.

        Raises UserError when it does not fit into memory.
        """
        with advice_on_memory(self.batch_size):
            with self.autocast:
                figures = self.called(batch, progress)
            # Every step, and so every replay, creates new gradients.
            self.optimizer.zero_grad(set_to_none=True)
            loss = figures["loss"]
            loss.backward()  # type: ignore[no-untyped-call]
        if self.clip:
            nn.utils.clip_grad_norm_(self.task.parameters(), self.clip)
        self.optimizer.step()
        self.task.after_step(progress)
        self.names = tuple(figures)
        scalars = [figure.detach().reshape(()) for figure in figures.values()]
        return torch.stack([scalar.to(loss.device, torch.float32) for scalar in scalars])
