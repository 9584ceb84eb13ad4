"""Every method's step is one graph of torch.compile, with the results of the plain step."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from benchmarks.gpu.method_step import build, noise
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.registry import METHODS
from captcha_ssl.training.compiled_task import Called, compiled

STEPS = 3


def _learn(method: Method, called: Called, images: Tensor) -> list[float]:
    """The losses of three steps, by plain gradients: AdamW makes a whole step of a rounding."""
    trained = [parameter for parameter in method.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9)
    losses = []
    for step in range(STEPS):
        torch.manual_seed(step)
        progress = torch.tensor(step / STEPS, dtype=torch.float64)
        loss = called(images, progress)["loss"]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        method.after_step(progress)
        losses.append(loss.item())
    return losses


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_a_compiled_step_is_one_graph_and_equals_the_plain_one(name: str) -> None:
    torch.compiler.reset()
    method, images, said = build(name), noise(name, 6), []
    other = copy.deepcopy(method)
    wanted = _learn(method, method, images)
    found = _learn(other, compiled(other, said.append, backend="aot_eager"), images)
    assert not said, "it was not compiled, or only in parts"
    assert found == pytest.approx(wanted, rel=1e-5)
    # The adversary's own AdamW makes whole steps of roundings.
    within = 2e-4 if name == "gan" else 1e-5
    there = other.state_dict()
    for key, tensor in method.state_dict().items():
        torch.testing.assert_close(there[key], tensor, rtol=1e-4, atol=within, msg=key)
