"""The compiler itself, on a task of two operations: whole methods take it a minute each."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.models.task import Progress, Task
from captcha_ssl.training.compiled_task import compiled


class _Permuting(Task):
    """Adds up weighted rows in a random order, as crops are joined in one."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.arange(1.0, 5.0))

    def forward(self, batch: Tensor, progress: Progress) -> dict[str, Tensor]:
        order = torch.randperm(len(batch), device=batch.device)
        return {"loss": (batch[order] * self.weights[:, None]).sum()}


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_task_that_permutes_its_batch_is_compiled() -> None:
    said: list[str] = []
    torch.compiler.reset()
    loss = compiled(_Permuting(), said.append)(torch.ones(4, 8), 0.0)["loss"]
    assert not said, "it fell back to plain steps"
    assert loss.item() == 80.0
