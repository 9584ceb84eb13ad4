from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from captcha_ssl.losses.infonce import infonce


def reference(a: Tensor, b: Tensor, temperature: float) -> float:
    """SimCLR's equation 1, term by term in Python floats."""
    z = [
        [float(x) / math.dist(row, [0] * len(row)) for x in row]
        for row in [*a.tolist(), *b.tolist()]
    ]
    n, total = len(a), 0.0
    for i, anchor in enumerate(z):
        similarity = [
            sum(p * q for p, q in zip(anchor, other, strict=True)) / temperature for other in z
        ]
        top = max(s for k, s in enumerate(similarity) if k != i)
        below = sum(math.exp(s - top) for k, s in enumerate(similarity) if k != i)
        total -= similarity[(i + n) % (2 * n)] - top - math.log(below)
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.05, 0.1, 0.5, 1.0])
def test_equals_the_equation(temperature: float) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(7, 5, dtype=torch.float64), torch.randn(7, 5, dtype=torch.float64)
    assert infonce(a, b, temperature).item() == pytest.approx(
        reference(a, b, temperature), rel=1e-5
    )


def test_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(1)
    a = torch.randn(4, 3, dtype=torch.float64)
    b = torch.randn(4, 3, dtype=torch.float64)
    a.requires_grad_()
    (gradient,) = torch.autograd.grad(infonce(a, b, 0.5), a)
    step = 1e-5
    for i in range(4):
        for j in range(3):
            nudge = torch.zeros_like(a)
            nudge[i, j] = step
            with torch.no_grad():
                rise = reference(a + nudge, b, 0.5) - reference(a - nudge, b, 0.5)
            assert gradient[i, j].item() == pytest.approx(rise / (2 * step), abs=1e-5)


@given(st.integers(0, 1000), st.floats(0.1, 10.0))
def test_order_of_the_batch_and_length_of_the_embeddings_do_not_matter(
    seed: int, length: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 6, 4, generator=generator)
    order = torch.randperm(6, generator=generator)
    loss = infonce(a, b, 0.2)
    assert torch.allclose(infonce(a[order] * length, b[order], 0.2), loss, atol=1e-5)
    assert torch.allclose(infonce(b, a, 0.2), loss, atol=1e-5)


def test_equal_views_far_from_all_others_cost_nothing() -> None:
    z = torch.eye(6)
    assert infonce(z, z, 0.02).item() < 1e-5


def test_a_collapsed_encoder_costs_the_logarithm_of_the_negatives() -> None:
    z = torch.ones(8, 3)
    assert infonce(z, z, 0.1).item() == pytest.approx(math.log(15), rel=1e-5)


def test_logits_are_float32_under_bf16_autocast() -> None:
    torch.manual_seed(2)
    a, b = torch.randn(2, 16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = infonce(a, b, 0.07)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, infonce(a, b, 0.07))
