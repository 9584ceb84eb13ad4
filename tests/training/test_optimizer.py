from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch

from captcha_ssl.training.optimizer import build_optimizer, cosine_factor, set_learning_rate


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    course = [cosine_factor(step, 100, 0.1) for step in range(100)]
    assert course[0] == pytest.approx(0.1)
    peak = course.index(max(course))
    assert peak == 9
    assert course[:peak] == sorted(course[:peak])
    assert course[peak:] == sorted(course[peak:], reverse=True)
    assert 0 < course[-1] < 0.001
    assert cosine_factor(50, 100, 0.1) == pytest.approx(0.5)


def test_groups_keep_their_ratio() -> None:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.5)]
    optimizer = build_optimizer(groups)
    for factor in (0.5, 0.2):
        set_learning_rate(optimizer, factor)
        assert [g["lr"] for g in optimizer.param_groups] == pytest.approx(
            [0.1 * factor, 0.5 * factor]
        )


def test_a_training_imports_no_compiler() -> None:
    script = """
import sys, torch
from captcha_ssl.training.optimizer import build_optimizer
layer = torch.nn.Linear(2, 1)
optimizer = build_optimizer([{"params": list(layer.parameters()), "lr": 0.1}])
layer(torch.ones(1, 2)).sum().backward()
optimizer.step()
optimizer.load_state_dict(optimizer.state_dict())
optimizer.zero_grad()
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_it_steps_like_the_optimizer_of_torch() -> None:
    torch.manual_seed(0)
    one = torch.nn.Linear(3, 2)
    other = copy.deepcopy(one)
    group = {"lr": 0.1, "weight_decay": 0.05}
    optimizers = (
        build_optimizer([{"params": list(one.parameters()), **group}]),
        torch.optim.AdamW(other.parameters(), fused=True, **group),
    )
    for layer, optimizer in zip((one, other), optimizers, strict=True):
        for _ in range(3):
            optimizer.zero_grad()
            layer(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
    assert torch.equal(one.weight, other.weight)
