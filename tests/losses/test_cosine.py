from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captcha_ssl.losses.cosine import negative_cosine


def test_equals_the_equation() -> None:
    torch.manual_seed(0)
    p, z = torch.randn(2, 7, 5, dtype=torch.float64)
    cosines = [
        sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)
        for a, b in zip(p.tolist(), z.tolist(), strict=True)
    ]
    assert negative_cosine(p, z).item() == pytest.approx(-sum(cosines) / 7, rel=1e-12)


def test_gradient_is_that_of_finite_differences_and_spares_the_target() -> None:
    torch.manual_seed(1)
    p, z = torch.randn(2, 5, 3, dtype=torch.float64)
    p.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: negative_cosine(p, z), (p,))
    z.requires_grad_()
    negative_cosine(p, z).backward()
    assert z.grad is None


@given(st.integers(0, 1000), st.floats(0.1, 10.0))
def test_order_and_length_do_not_matter(seed: int, length: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    p, z = torch.randn(2, 6, 4, dtype=torch.float64, generator=generator)
    order = torch.randperm(6, generator=generator)
    assert torch.allclose(negative_cosine(p[order] * length, z[order]), negative_cosine(p, z))


def test_autocast_leaves_it_in_float32() -> None:
    p, z = torch.randn(2, 16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = negative_cosine(p, z)
    assert torch.equal(inside, negative_cosine(p, z))
