from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from captcha_ssl.losses.vicreg import vicreg


def _covariances(z: Tensor) -> list[list[float]]:
    centered = []
    for column in z.T.tolist():
        mean = sum(column) / len(column)
        centered.append([x - mean for x in column])
    scale = len(z) - 1
    return [[sum(map(float.__mul__, x, y)) / scale for y in centered] for x in centered]


def terms(a: Tensor, b: Tensor) -> tuple[float, float, float]:
    """Invariance, variance and covariance, term by term in Python floats."""
    count, width = a.shape
    invariance = sum(
        (x - y) ** 2
        for p, q in zip(a.tolist(), b.tolist(), strict=True)
        for x, y in zip(p, q, strict=True)
    ) / (count * width)
    variance = covariance = 0.0
    for matrix in (_covariances(a), _covariances(b)):
        for i, row in enumerate(matrix):
            variance += max(0.0, 1 - math.sqrt(row[i] + 1e-4)) / width / 2
            covariance += sum(c**2 for j, c in enumerate(row) if j != i) / width
    return invariance, variance, covariance


def _views(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.tensor([0.3, 0.6, 1.5, 3.0], dtype=torch.float64)
    a = torch.randn(7, 4, dtype=torch.float64, generator=generator) * scale
    return a, a + 0.2 * torch.randn(7, 4, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("weights", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (25, 25, 1)])
def test_equals_the_equation(weights: tuple[float, float, float]) -> None:
    a, b = _views()
    wanted = sum(w * term for w, term in zip(weights, terms(a, b), strict=True))
    assert wanted > 0
    assert vicreg(a, b, *weights).item() == pytest.approx(wanted, rel=1e-12)


def test_gradient_is_that_of_finite_differences() -> None:
    a, b = _views(1)
    assert torch.autograd.gradcheck(vicreg, (a.requires_grad_(), b.requires_grad_()))


@given(st.integers(0, 1000))
def test_order_of_the_batch_and_a_common_shift_do_not_matter(seed: int) -> None:
    a, b = _views(seed)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(vicreg(a[order] + 3, b[order] + 3), vicreg(a, b))


def test_a_collapsed_encoder_costs_the_missing_variance() -> None:
    z = torch.ones(8, 3, requires_grad=True)
    loss = vicreg(z, z)
    assert loss.item() == pytest.approx(25 * 0.99)
    loss.backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_autocast_leaves_it_in_float32() -> None:
    a, b = torch.randn(2, 16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = vicreg(a, b)
    assert torch.equal(inside, vicreg(a, b))
