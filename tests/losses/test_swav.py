from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from captcha_ssl.losses.sinkhorn import sinkhorn
from captcha_ssl.losses.swav import swav

Matrix = list[list[float]]


def codes(scores: Matrix, epsilon: float, iterations: int) -> Matrix:
    """The program of SwAV's appendix A.1, in Python floats."""
    count, width = len(scores), len(scores[0])
    q = [[math.exp(row[k] / epsilon) for row in scores] for k in range(width)]
    total = sum(map(sum, q))
    q = [[x / total for x in row] for row in q]
    for _ in range(iterations):
        q = [[x / sum(row) / width for x in row] for row in q]
        sums = [sum(column) for column in zip(*q, strict=True)]
        q = [[x / s / count for x, s in zip(row, sums, strict=True)] for row in q]
    return [[x * count for x in column] for column in zip(*q, strict=True)]


def _scores(seed: int = 0, count: int = 8, width: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, width, dtype=torch.float64, generator=generator) * 2 - 1
    return a, b


@pytest.mark.parametrize("iterations", [1, 3])
def test_sinkhorn_equals_the_published_program(iterations: int) -> None:
    scores, _ = _scores()
    wanted = torch.tensor(codes(scores.tolist(), 0.1, iterations), dtype=torch.float64)
    assert torch.allclose(sinkhorn(scores, 0.1, iterations), wanted, atol=1e-12)


@given(st.integers(0, 1000))
def test_sinkhorn_gives_every_row_one_and_every_column_its_share(seed: int) -> None:
    scores, _ = _scores(seed)
    found = sinkhorn(scores, 0.5, 200)
    assert torch.allclose(found.sum(1), torch.ones(8, dtype=torch.float64))
    assert torch.allclose(found.sum(0), torch.full((4,), 2.0, dtype=torch.float64), atol=1e-6)


def test_sinkhorn_spreads_embeddings_that_all_prefer_one_prototype() -> None:
    scores = torch.tensor([[1.0, 0.9], [1.0, 0.5], [1.0, 0.8], [1.0, 0.1]])
    assert sinkhorn(scores, 0.05, 50).argmax(1).tolist() == [1, 0, 1, 0]


def test_sinkhorn_does_not_overflow() -> None:
    assert sinkhorn(torch.tensor([[1.0, -1.0], [0.9, -0.9]]), 0.001).isfinite().all()


def test_equals_the_equation() -> None:
    a, b = _scores(1)
    total = 0.0
    for scores, other in ((a.tolist(), b.tolist()), (b.tolist(), a.tolist())):
        for row, code in zip(scores, codes(other, 0.05, 3), strict=True):
            below = math.log(sum(math.exp(x / 0.1) for x in row))
            total -= sum(q * (x / 0.1 - below) for q, x in zip(code, row, strict=True))
    assert swav(a, b, 0.1, 0.05, 3).item() == pytest.approx(total / 16, rel=1e-12)


def test_no_gradient_passes_through_the_codes() -> None:
    a, b = _scores(2)
    a.requires_grad_()
    (found,) = torch.autograd.grad(swav(a, b), a)
    (wanted,) = torch.autograd.grad(-0.5 * (sinkhorn(b) * (a / 0.1).log_softmax(1)).sum() / 8, a)
    assert torch.allclose(found, wanted)


@given(st.integers(0, 1000))
def test_the_order_of_the_batch_does_not_matter(seed: int) -> None:
    a, b = _scores(seed)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(swav(a[order], b[order]), swav(a, b))


def test_autocast_leaves_it_in_float32() -> None:
    a, b = torch.randn(2, 16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = swav(a, b)
    assert torch.equal(inside, swav(a, b))
