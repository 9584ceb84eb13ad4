from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from captcha_ssl.losses.relational import relational_consistency

Row = list[float]


def _likenesses(row: Row, others: list[Row], temperature: float) -> Row:
    """The softmax of the cosines of `row` with `others`, in Python floats."""
    zero = [0.0] * len(row)
    cosines = [
        sum(map(float.__mul__, row, other)) / math.dist(row, zero) / math.dist(other, zero)
        for other in others
    ]
    exponentials = [math.exp(cosine / temperature) for cosine in cosines]
    return [value / sum(exponentials) for value in exponentials]


def reference(parts: Tensor, wholes: Tensor, temperature: float) -> float:
    """Both divergences of the definition, term by term in Python floats."""
    total, rows = 0.0, wholes.tolist()
    for i, part in enumerate(parts.tolist()):
        own = i % len(rows)
        others = [row for k, row in enumerate(rows) if k != own]
        q = _likenesses(part, others, temperature)
        p = _likenesses(rows[own], others, temperature)
        forth = sum(x * math.log(x / y) for x, y in zip(p, q, strict=True))
        back = sum(y * math.log(y / x) for x, y in zip(p, q, strict=True))
        total += (forth + back) / 2
    return total / len(parts)


def _levels(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Three parts each of four wholes."""
    generator = torch.Generator().manual_seed(seed)
    parts = torch.randn(12, 5, dtype=torch.float64, generator=generator)
    return parts, torch.randn(4, 5, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("temperature", [0.04, 0.2, 1.0])
def test_equals_the_equation(temperature: float) -> None:
    parts, wholes = _levels()
    wanted = reference(parts, wholes, temperature)
    assert wanted > 0
    found = relational_consistency(parts, wholes, temperature)
    assert found.item() == pytest.approx(wanted, rel=1e-10)


def test_the_parts_get_gradients_and_the_wholes_get_none() -> None:
    parts, wholes = (z.requires_grad_() for z in _levels(1))
    assert torch.autograd.gradcheck(lambda z: relational_consistency(z, wholes, 0.3), parts)
    relational_consistency(parts, wholes).backward()
    assert wholes.grad is None


def test_parts_that_are_their_whole_agree_whatever_the_length() -> None:
    _, wholes = _levels(2)
    assert relational_consistency(wholes.repeat(3, 1) * 7, wholes).item() == pytest.approx(0)
    assert relational_consistency(wholes.roll(1, 0).repeat(3, 1), wholes) > 0.1


@given(st.integers(0, 1000))
def test_order_of_the_wholes_does_not_matter(seed: int) -> None:
    parts, wholes = _levels(seed)
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    shuffled = parts.view(3, 4, 5)[:, order].flatten(0, 1)
    found = relational_consistency(shuffled, wholes[order])
    assert torch.allclose(found, relational_consistency(parts, wholes))


def test_very_different_similarities_stay_finite() -> None:
    parts = torch.eye(6).repeat(2, 1).requires_grad_()
    loss = relational_consistency(parts, -torch.eye(6).roll(1, 0), 0.001)
    loss.backward()
    assert loss.isfinite()
    assert parts.grad is not None
    assert parts.grad.isfinite().all()


def test_autocast_leaves_it_in_float32() -> None:
    parts, wholes = (z.float() for z in _levels(3))
    with torch.autocast("cpu", torch.bfloat16):
        inside = relational_consistency(parts, wholes)
    assert torch.equal(inside, relational_consistency(parts, wholes))
