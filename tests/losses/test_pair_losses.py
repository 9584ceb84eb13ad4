"""The losses between two views, each against its paper's equation in Python floats."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from captcha_ssl.config import Given
from captcha_ssl.errors import UserError
from captcha_ssl.losses.contrastive import contrastive
from captcha_ssl.losses.infonce import infonce
from captcha_ssl.losses.n_pair import n_pair
from captcha_ssl.losses.registry import LOSSES, build_loss
from captcha_ssl.losses.settings import LOSS_NAMES, MINING_NAMES, LossSettings
from captcha_ssl.losses.triplet import MINING, triplet

Row = list[float]
QUEUED = pytest.mark.parametrize("queued", [False, True], ids=["batch", "queue"])


def _views(seed: int = 0, queued: bool = False) -> tuple[Tensor, Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(6, 4, dtype=torch.float64, generator=generator)
    b = a + 0.7 * torch.randn(6, 4, dtype=torch.float64, generator=generator)
    queue = torch.randn(9, 4, dtype=torch.float64, generator=generator)
    return a, b, queue if queued else None


def _dot(one: Row, other: Row) -> float:
    return sum(x * y for x, y in zip(one, other, strict=True))


def _unit(rows: Tensor) -> list[Row]:
    return [[x / math.hypot(*row) for x in row] for row in rows.tolist()]


def _triplets(a: Tensor, b: Tensor, queue: Tensor | None) -> list[tuple[Row, Row, list[Row]]]:
    """Anchor, positive and negatives on the unit sphere, as two views or a queue give them."""
    one, two = _unit(a), _unit(b)
    if queue is not None:
        return [(x, y, _unit(queue)) for x, y in zip(one, two, strict=True)]
    return [
        (first[i], second[i], [row for view in (one, two) for k, row in enumerate(view) if k != i])
        for first, second in ((one, two), (two, one))
        for i in range(len(a))
    ]


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


@QUEUED
def test_contrastive_equals_the_equation_of_hadsell(queued: bool) -> None:
    a, b, queue = _views(queued=queued)
    found = _triplets(a, b, queue)
    similar = [0.5 * math.dist(x, y) ** 2 for x, y, _ in found]
    dissimilar = [0.5 * max(0.0, 0.9 - math.dist(x, n)) ** 2 for x, _, far in found for n in far]
    assert any(dissimilar)
    assert not all(dissimilar)
    assert contrastive(a, b, 0.9, negatives=queue).item() == pytest.approx(
        _mean(similar) + _mean(dissimilar), rel=1e-12
    )


def _nearest(positive: float, negatives: list[float]) -> float:
    return min(negatives)


def _nearest_beyond_the_positive(positive: float, negatives: list[float]) -> float:
    return min((d for d in negatives if d > positive), default=max(negatives))


@QUEUED
@pytest.mark.parametrize(
    ("mining", "choose"), [("hard", _nearest), ("semi-hard", _nearest_beyond_the_positive)]
)
def test_triplet_equals_the_equation_of_schroff(
    mining: str, choose: Callable[[float, list[float]], float], queued: bool
) -> None:
    a, b, queue = _views(queued=queued)
    terms = []
    for anchor, positive, negatives in _triplets(a, b, queue):
        near = math.dist(anchor, positive) ** 2
        far = choose(near, [math.dist(anchor, n) ** 2 for n in negatives])
        terms.append(max(0.0, near - far + 0.5))
    assert triplet(a, b, 0.5, mining, negatives=queue).item() == pytest.approx(
        _mean(terms), rel=1e-12
    )


@QUEUED
def test_random_triplets_have_the_mean_over_all_negatives(queued: bool) -> None:
    a, b, queue = _views(queued=queued)
    torch.manual_seed(0)
    drawn = [triplet(a, b, 0.5, "random", negatives=queue).item() for _ in range(2000)]
    terms = [
        max(0.0, math.dist(x, y) ** 2 - math.dist(x, n) ** 2 + 0.5)
        for x, y, negatives in _triplets(a, b, queue)
        for n in negatives
    ]
    assert len(set(drawn)) > 100
    assert _mean(drawn) == pytest.approx(_mean(terms), rel=0.05)


def test_semi_hard_takes_the_farthest_negative_where_all_are_nearer_than_the_positive() -> None:
    anchor, positive = torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 0.0]])
    negatives = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss = triplet(anchor, positive, 0.2, "semi-hard", negatives=negatives)
    assert loss.item() == pytest.approx(4 - 2 + 0.2)


@QUEUED
def test_n_pair_equals_the_equation_of_sohn(queued: bool) -> None:
    a, b, queue = _views(queued=queued)
    x, y = a.tolist(), b.tolist()
    terms = []
    for i, anchor in enumerate(x):
        others = [y[k] for k in range(6) if k != i] if queue is None else queue.tolist()
        positive = _dot(anchor, y[i])
        terms.append(math.log1p(sum(math.exp(_dot(anchor, n) - positive) for n in others)))
    lengths = _mean([_dot(row, row) for row in x]) + _mean([_dot(row, row) for row in y])
    assert n_pair(a, b, 0.02, negatives=queue).item() == pytest.approx(
        _mean(terms) + 0.25 * 0.02 * lengths, rel=1e-12
    )


def test_infonce_with_a_queue_equals_the_equation_of_he() -> None:
    a, b, queue = _views(queued=True)
    terms = []
    for anchor, positive, negatives in _triplets(a, b, queue):
        top = math.exp(_dot(anchor, positive) / 0.2)
        terms.append(
            -math.log(top / (top + sum(math.exp(_dot(anchor, n) / 0.2) for n in negatives)))
        )
    assert infonce(a, b, 0.2, negatives=queue).item() == pytest.approx(_mean(terms), rel=1e-12)


@QUEUED
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(name: str, queued: bool) -> None:
    loss = build_loss(LossSettings(loss=name))
    a, b, queue = _views(3, queued)

    def of_views(a: Tensor, b: Tensor) -> Tensor:
        return loss(a, b, negatives=queue)

    assert torch.autograd.gradcheck(of_views, (a.requires_grad_(), b.requires_grad_()))


@given(st.integers(0, 1000), st.booleans(), st.sampled_from(sorted(LOSSES)))
def test_the_order_of_the_batch_does_not_matter(seed: int, queued: bool, name: str) -> None:
    loss = build_loss(LossSettings(loss=name))
    a, b, queue = _views(seed, queued)
    order = list(range(6))
    random.Random(seed).shuffle(order)
    backwards = None if queue is None else queue.flip(0)
    found = loss(a[order], b[order], negatives=backwards)
    assert torch.allclose(found, loss(a, b, negatives=queue), atol=1e-12)


@given(st.integers(0, 1000), st.floats(0.1, 10.0), st.sampled_from(sorted({*LOSSES} - {"n-pair"})))
def test_length_matters_to_n_pair_alone(seed: int, length: float, name: str) -> None:
    a, b, queue = _views(seed, queued=True)
    loss = build_loss(LossSettings(loss=name))
    assert torch.allclose(loss(a * length, b, negatives=queue), loss(a, b, negatives=queue))
    assert not torch.allclose(n_pair(2 * a, b), n_pair(a, b))


@pytest.mark.parametrize("name", LOSSES)
def test_autocast_leaves_a_loss_in_float32(name: str) -> None:
    torch.manual_seed(2)
    loss = build_loss(LossSettings(loss=name, margin=1.0))
    a, b = torch.randn(2, 16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = loss(a, b)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, loss(a, b))
    assert loss(a.bfloat16(), b.bfloat16()).dtype == torch.float32


def test_equal_embeddings_give_finite_gradients() -> None:
    for name in LOSSES:
        z = torch.ones(4, 3, requires_grad=True)
        build_loss(LossSettings(loss=name))(z, z).backward()
        assert z.grad is not None
        assert z.grad.isfinite().all()


def test_settings_reach_the_loss_that_is_named() -> None:
    a, b, queue = _views(queued=True)

    def of(*assignments: str) -> Tensor:
        settings = Given(assignments=assignments).over(LossSettings())[LossSettings]
        return build_loss(settings)(a, b, negatives=queue)

    assert torch.equal(of("temperature=0.3"), infonce(a, b, 0.3, negatives=queue))
    assert torch.equal(of("loss=n-pair", "l2=0.5"), n_pair(a, b, 0.5, negatives=queue))
    assert torch.equal(of("loss=contrastive"), contrastive(a, b, 2**0.5, negatives=queue))
    assert torch.equal(of("loss=contrastive", "margin=2"), contrastive(a, b, 2, negatives=queue))
    assert torch.equal(of("loss=triplet"), triplet(a, b, 0.2, "semi-hard", negatives=queue))
    assert torch.equal(
        of("loss=triplet", "margin=1", "mining=hard"), triplet(a, b, 1, "hard", negatives=queue)
    )
    with pytest.raises(UserError, match="did you mean 'triplet'"):
        of("loss=tripplet")


def test_the_help_shows_every_name() -> None:
    assert tuple(LOSSES) == LOSS_NAMES
    assert tuple(MINING) == MINING_NAMES
