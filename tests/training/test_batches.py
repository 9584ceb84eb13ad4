from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from captcha_ssl.training.batches import BatchOrder, step_seed


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
