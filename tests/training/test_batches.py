from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captcha_ssl.training import batches
from captcha_ssl.training.batches import BatchOrder, Permutation, step_seed


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 5))
def test_every_pass_holds_every_image_once(count: int, batch_size: int, seed: int) -> None:
    order = BatchOrder(count, batch_size, seed)
    drawn = torch.cat([order(step) for step in range(2 * count)])
    passes = drawn[: len(drawn) // count * count].view(-1, count)
    assert (passes.sort(1).values == torch.arange(count)).all()


def test_a_step_does_not_depend_on_the_steps_before() -> None:
    running = BatchOrder(10, 4, seed=3)
    steps = [running(step) for step in range(7)]
    assert torch.equal(BatchOrder(10, 4, seed=3)(6), steps[6])
    assert not torch.equal(BatchOrder(10, 4, seed=4)(6), steps[6])


def test_step_seeds_differ_between_steps_and_seeds_and_suit_torch() -> None:
    seeds = {step_seed(seed, step) for seed in range(20) for step in range(50)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)


@given(st.integers(1, 5000), st.integers(0, 5))
def test_a_permutation_without_memory_reaches_every_index_once(count: int, seed: int) -> None:
    found = Permutation(count, np.random.default_rng(seed))(np.arange(count))
    assert np.array_equal(np.sort(found), np.arange(count))


def test_it_looks_drawn_and_differs_between_seeds_and_passes() -> None:
    count = 2**18 + 1
    orders = [
        Permutation(count, np.random.default_rng(pair))(np.arange(count))
        for pair in ((0, 0), (0, 1), (1, 0))
    ]
    for order in orders:
        # In a random order these correlations deviate by 0.002 from zero.
        assert abs(np.corrcoef(order, np.arange(count))[0, 1]) < 0.01
        assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.01
        assert abs(np.corrcoef(order[1:] % 2, order[:-1] % 2)[0, 1]) < 0.01
        # One place is expected to stay as it is.
        assert (order == np.arange(count)).sum() < 10
    assert all((a == b).sum() < 10 for a, b in ((orders[0], orders[1]), (orders[0], orders[2])))


def test_steps_of_a_huge_pile_do_not_depend_on_those_before_and_pass_from_one_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "HELD", 1000)
    count = batches.HELD + 3
    order = BatchOrder(count, 256, seed=3)
    steps = [order(step) for step in range(5)]
    assert torch.equal(BatchOrder(count, 256, seed=3)(4), steps[4])
    passed = torch.cat(steps)
    assert torch.equal(passed[:count].sort().values, torch.arange(count))
    assert len(passed[count:].unique()) == len(passed) - count


def test_an_order_of_more_images_than_memory_can_number_takes_none() -> None:
    order = BatchOrder(10**15, 64, seed=0)
    drawn = torch.cat([order(step) for step in range(100)])
    assert len(drawn.unique()) == 6400
    assert 0.45e15 < float(drawn.double().mean()) < 0.55e15
