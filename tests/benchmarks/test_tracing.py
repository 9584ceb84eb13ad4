"""Every method's step is one graph: what a compiler or a CUDA graph needs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.gpu.method_step import build, noise
from captcha_ssl.methods.registry import METHODS
from captcha_ssl.models.parameters import parameter_groups

pytestmark = pytest.mark.slow

TRACED = [name for name in METHODS if name != "gan"]
"""The adversarial one takes gradients within its step, which dynamo does not trace."""


def three_steps(method: Any, call: Any, images: Tensor) -> list[float]:
    """The losses of three steps in float32."""
    optimizer = torch.optim.SGD(parameter_groups(method, 1e-3, 0.0))
    losses = []
    for step in range(3):
        torch.manual_seed(step)
        loss = call(images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        method.after_step(0.5)
        losses.append(float(loss))
    return losses


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRACED)
def test_a_step_is_one_graph_and_three_steps_equal_eager_ones(name: str) -> None:
    torch._dynamo.reset()
    method, images = build(name), noise(name, 6)
    traced: Any = copy.deepcopy(method)
    compiled = torch.compile(
        lambda batch: traced(batch, 0.5)["loss"], fullgraph=True, backend="aot_eager"
    )
    found = three_steps(traced, compiled, images)
    wanted = three_steps(method, lambda batch: method(batch, 0.5)["loss"], images)
    assert found == pytest.approx(wanted, rel=1e-5)
