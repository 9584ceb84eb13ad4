from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_ssl.data.splits import nested_subset, split_benchmark
from captcha_ssl.errors import UserError


def images(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1).repeat(3, axis=3)


@given(st.integers(1, 300), st.integers(0, 1000), st.data())
def test_a_smaller_subset_is_a_prefix_of_a_larger_one(total: int, seed: int, data):
    larger = data.draw(st.integers(0, total))
    smaller = data.draw(st.integers(0, larger))
    subset = nested_subset(total, larger, seed)
    assert np.array_equal(nested_subset(total, smaller, seed), subset[:smaller])
    assert len(np.unique(subset)) == larger
    assert subset.dtype == np.int64
    assert ((subset >= 0) & (subset < total)).all()


def test_seeds_draw_different_subsets():
    assert not np.array_equal(nested_subset(100, 50, 0), nested_subset(100, 50, 1))


def test_a_subset_is_spread_over_a_sorted_dataset():
    assert nested_subset(10_000, 1_000, 0).mean() == pytest.approx(5_000, rel=0.1)


def test_a_subset_larger_than_the_dataset_is_refused():
    with pytest.raises(UserError, match="cannot draw 11 images out of 10"):
        nested_subset(10, 11, 0)


def test_pool_and_test_divide_the_images():
    split = split_benchmark(images(*range(100)), None, test=30, seed=0)
    assert len(split.test) == 30
    assert np.array_equal(np.sort(np.r_[split.pool, split.test]), np.arange(100))
    assert split.removed == 0


def test_the_test_set_depends_on_the_seed_alone():
    pixels = images(*range(100))
    first, again, other = (split_benchmark(pixels, None, test=30, seed=s).test for s in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@given(st.lists(st.integers(0, 20), min_size=30, max_size=80), st.integers(0, 99))
def test_no_copy_of_a_test_image_is_learned_or_tested_twice(values: list[int], seed: int):
    test = len(set(values)) // 2
    split = split_benchmark(images(*values), None, test=test, seed=seed)
    tested = [values[i] for i in split.test]
    assert len(set(tested)) == len(tested) == test
    assert set(tested).isdisjoint(values[i] for i in split.pool)
    assert split.removed == len(values) - len(split.pool) - len(split.test)


def test_an_image_whose_copies_have_different_labels_is_not_tested():
    pixels = images(*range(20), 0)
    labels = ["a"] * 20 + ["b"]
    for seed in range(10):
        split = split_benchmark(pixels, labels, test=15, seed=seed)
        assert 0 not in split.test and 20 not in split.test
        assert {0, 20} <= set(split.pool.tolist())


def test_a_test_set_that_leaves_nothing_to_learn_from_is_refused():
    with pytest.raises(UserError, match="there are 3 distinct ones"):
        split_benchmark(images(1, 2, 3, 3, 3), None, test=3, seed=0)
