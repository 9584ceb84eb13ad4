"""The forward pass of a task, compiled by torch.compile."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.exc import TorchDynamoException

from captcha_ssl.models.task import Progress, Task
from captcha_ssl.notice import Say

Called = Callable[..., dict[str, Tensor]]


def compiled(task: Task, say: Say, backend: str = "inductor") -> Called:
    """`task` as one compiled function, or `task` itself where it cannot be compiled.

    It is compiled when it is first called. `say` gets one line that says why it was not.
    """
    # Inductor has a pattern for an index by a random permutation that raises in torch 2.13.
    options: Any = {"pattern_matcher": False} if backend == "inductor" else None
    made: Called = torch.compile(
        task, fullgraph=True, dynamic=False, backend=backend, options=options
    )
    fits = True

    def call(batch: Any, progress: Progress) -> dict[str, Tensor]:
        nonlocal fits
        if fits:
            try:
                with warnings.catch_warnings():
                    # Warnings of the compiler about itself.
                    warnings.simplefilter("ignore")
                    return made(batch, progress)
            except (TorchDynamoException, ImportError, OSError) as error:
                # Before the first operation: nothing was computed yet.
                fits = False
                say(f"the step is not compiled: {_reason(error)}")
        return task(batch, progress)

    return call


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # "backend='inductor' raised:" says nothing without what follows.
    told = 2 if lines and lines[0].endswith(":") else 1
    return " ".join(lines[:told]) or type(error).__name__
