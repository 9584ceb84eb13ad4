from __future__ import annotations

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
