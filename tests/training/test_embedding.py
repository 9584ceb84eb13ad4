"""Figures of embeddings whose answers are known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from captcha_ssl.pretraining.embedding import (
    alignment,
    deviation,
    effective_rank,
    place_accuracy,
    uniformity,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_equal_vectors_have_no_deviation_and_rank_one():
    same = torch.ones(50, 16)
    assert deviation(same) == pytest.approx(0, abs=1e-6)
    assert effective_rank(same) == pytest.approx(1)


def test_a_filled_sphere_has_deviation_one_and_full_rank():
    z = normal(20_000, 16)
    assert deviation(z) == pytest.approx(1, abs=0.01)
    assert effective_rank(z) == pytest.approx(16, rel=0.01)


def test_the_effective_rank_is_the_exponential_of_the_entropy_of_the_singular_values():
    # Orthogonal columns of mean zero with singular values 3 : 1.
    z = torch.zeros(4, 5)
    z[0, 0], z[1, 0], z[2, 1], z[3, 1] = 3, -3, 1, -1
    shares = (0.75, 0.25)
    assert effective_rank(z) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)))


def test_alignment_and_uniformity_against_a_loop_from_the_paper():
    one, other = normal(12, 5), normal(12, 5, seed=1)
    a, b = ([row / row.norm() for row in z] for z in (one, other))
    pairs = [(i, j) for i in range(12) for j in range(i)]
    spread = sum(math.exp(-2 * float((a[i] - a[j]) @ (a[i] - a[j]))) for i, j in pairs)
    together = sum(float((x - y) @ (x - y)) for x, y in zip(a, b, strict=True))
    assert uniformity(one) == pytest.approx(math.log(spread / len(pairs)))
    assert alignment(one, other) == pytest.approx(together / 12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_no_figure_depends_on_the_order_or_the_unit_of_the_frames(seed: int, unit: float):
    z = normal(40, 6, seed=seed)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    for figure in (deviation, effective_rank, uniformity):
        assert figure(unit * z[order]) == pytest.approx(figure(z), rel=1e-6)


def test_a_position_written_into_the_window_is_predicted():
    windows = normal(60, 5, 8)
    windows[..., 3] += 100 * torch.arange(5)
    assert place_accuracy(windows) > 0.9


def test_the_position_of_noise_is_predicted_at_chance():
    assert place_accuracy(normal(600, 5, 8)) == pytest.approx(0.2, abs=0.05)


def test_the_probe_is_judged_on_images_that_it_was_not_fitted_to():
    # As many dimensions as windows: any labeling could be learned by heart.
    assert place_accuracy(normal(40, 5, 200)) < 0.5
