from __future__ import annotations

import math

import pytest

from captcha_ssl.benchmark.report.statistics import (
    LabelSavings,
    errors_removed,
    estimate,
    label_savings,
    paired_difference,
    t_quantile,
)


@pytest.mark.parametrize(
    ("level", "df", "published"),
    [
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 3, 3.182),
        (0.95, 4, 2.776),
        (0.95, 9, 2.262),
        (0.95, 30, 2.042),
        (0.95, 120, 1.980),
        (0.90, 5, 2.015),
        (0.99, 1, 63.657),
        (0.99, 2, 9.925),
        (0.99, 10, 3.169),
    ],
)
def test_t_quantiles_are_those_of_the_published_table(level: float, df: int, published: float):
    assert round(t_quantile(level, df), 3) == published


def test_the_interval_of_a_mean_is_the_one_computed_by_hand():
    # Mean 0.6, squared deviations 0.01 + 0 + 0.01, so s = 0.1; half = 4.302653 · 0.1 / √3.
    found = estimate([0.5, 0.6, 0.7])
    assert found.mean == pytest.approx(0.6)
    assert found.high == pytest.approx(0.6 + 0.2484138, abs=1e-6)
    assert found.low == pytest.approx(0.6 - 0.2484138, abs=1e-6)


def test_one_value_has_no_interval():
    found = estimate([0.5])
    assert (found.mean, found.low, found.high) == (0.5, None, None)


def test_pairing_removes_what_both_arms_share():
    # Differences 0.10, 0.12, 0.11, 0.11: mean 0.11, s = √(2·0.01² / 3); t of 3 is 3.182446.
    found = paired_difference([0.3, 0.52, 0.71, 0.91], [0.2, 0.4, 0.6, 0.8])
    half = 3.182446 * math.sqrt(0.0002 / 3) / 2
    assert found.mean == pytest.approx(0.11)
    assert found.low == pytest.approx(0.11 - half, abs=1e-7)


def test_pairs_of_unequal_number_are_refused():
    with pytest.raises(ValueError):
        paired_difference([0.1, 0.2], [0.1])


@pytest.mark.parametrize(
    ("accuracy", "baseline", "share"), [(0.8, 0.6, 0.5), (0.5, 0.6, -0.25), (1.0, 1.0, None)]
)
def test_errors_removed(accuracy: float, baseline: float, share: float | None):
    assert errors_removed(accuracy, baseline) == (share if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        # Half way between 100 and 400 labels on a logarithmic scale lie 200.
        (0.4, LabelSavings(100, pytest.approx(200), "=")),
        (0.6, LabelSavings(100, pytest.approx(400), "=")),
        (0.75, LabelSavings(100, pytest.approx(1600**0.75 * 400**0.25), "=")),
        (0.9, LabelSavings(100, 1600, ">")),
        (0.1, LabelSavings(100, 100, "<")),
    ],
)
def test_label_savings_interpolate_the_logarithm_of_the_labels(
    accuracy: float, expected: LabelSavings
):
    found = label_savings(100, accuracy, [(400, 0.6), (100, 0.2), (1600, 0.8)])
    assert found == expected


def test_label_savings_count_the_first_crossing_and_know_their_factor():
    found = label_savings(100, 0.3, [(100, 0.2), (400, 0.4), (1600, 0.25), (6400, 0.5)])
    assert found is not None
    assert found.factor == pytest.approx(2)


def test_one_label_count_gives_no_curve():
    assert label_savings(100, 0.3, [(100, 0.2)]) is None
