from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from captcha_ssl.losses.barlow_twins import barlow_twins


def _columns(z: Tensor) -> list[list[float]]:
    """Every dimension with mean zero and variance one over the batch."""
    found = []
    for column in z.T.tolist():
        mean = sum(column) / len(column)
        variance = sum((x - mean) ** 2 for x in column) / len(column)
        found.append([(x - mean) / math.sqrt(variance + 1e-5) for x in column])
    return found


def reference(a: Tensor, b: Tensor, redundancy: float) -> float:
    """Equations 1 and 2, term by term in Python floats."""
    one, two, total = _columns(a), _columns(b), 0.0
    for i, x in enumerate(one):
        for j, y in enumerate(two):
            c = sum(p * q for p, q in zip(x, y, strict=True)) / len(a)
            total += (1 - c) ** 2 if i == j else redundancy * c**2
    return total


def _views(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(7, 4, dtype=torch.float64, generator=generator) * 3 + 1
    return a, a + torch.randn(7, 4, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("redundancy", [0.0, 0.005, 1.0])
def test_equals_the_equation(redundancy: float) -> None:
    a, b = _views()
    assert barlow_twins(a, b, redundancy).item() == pytest.approx(
        reference(a, b, redundancy), rel=1e-12
    )


def test_gradient_is_that_of_finite_differences() -> None:
    a, b = _views(1)
    assert torch.autograd.gradcheck(barlow_twins, (a.requires_grad_(), b.requires_grad_()))


@given(st.integers(0, 1000))
def test_order_of_the_batch_and_scale_of_a_dimension_do_not_matter(seed: int) -> None:
    a, b = _views(seed)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    loss = barlow_twins(a, b)
    assert torch.allclose(barlow_twins(a[order], b[order]), loss)
    assert torch.allclose(barlow_twins(a * 5 - 2, b), loss, rtol=1e-4)


def test_a_collapsed_encoder_costs_one_per_dimension() -> None:
    z = torch.ones(8, 3)
    assert barlow_twins(z, z).item() == pytest.approx(3)


def test_autocast_leaves_it_in_float32() -> None:
    a, b = torch.randn(2, 16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = barlow_twins(a, b)
    assert torch.equal(inside, barlow_twins(a, b))
