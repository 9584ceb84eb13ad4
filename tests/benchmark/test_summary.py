from __future__ import annotations

from collections.abc import Callable

import pytest

from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.table import cells

FIGURES = {
    ("scratch", 100): [0.2, 0.3],
    ("scratch", 400): [0.6, 0.6],
    ("random-frozen", 100): [0.4, 0.5],
    ("random-frozen", 400): [0.5, 0.5],
    ("simclr", 100): [0.5, 0.7],
    ("simclr", 400): [0.7, 0.7],
}


def test_the_gain_is_over_the_best_arm_without_pretraining(results: Callable[..., Results]):
    entries = {(e.arm, e.labels): e for e in results(FIGURES).entries}
    few, many = entries["simclr", 100], entries["simclr", 400]
    assert (few.baseline, many.baseline) == ("random-frozen", "scratch")
    assert few.gain is not None
    assert few.gain.mean == pytest.approx(0.15)
    # Differences 0.1 and 0.2: half = 12.7062 · 0.0707107 / √2.
    assert few.gain.high == pytest.approx(0.15 + 0.63531, abs=1e-5)
    assert few.errors_removed == pytest.approx(0.15 / 0.55)
    assert entries["random-frozen", 100].gain is None
    assert entries["scratch", 100].gain is not None


def test_label_savings_are_measured_against_the_best_baseline(results: Callable[..., Results]):
    entries = {(e.arm, e.labels): e for e in results(FIGURES).entries}
    few, many = entries["simclr", 100].savings, entries["simclr", 400].savings
    assert few is not None and many is not None
    # The baselines go from 0.45 at 100 labels to 0.6 at 400.
    assert (few.relation, few.factor) == ("=", pytest.approx(4))
    assert (many.relation, many.needed) == (">", 400)


def test_a_gain_over_a_stuck_baseline_is_void(results: Callable[..., Results]):
    found = results({("scratch", 100): [0.0, 0.3], ("simclr", 100): [0.5, 0.7]})
    scratch, simclr = found.entries
    assert (scratch.stuck, scratch.runs, simclr.void) == (1, 2, True)
    assert cells(simclr)[4:6] == ("void", "scratch")
    assert "1/2" in cells(scratch)
    assert not any("%" in text for text in cells(simclr)[4:])


def test_without_a_baseline_there_is_no_gain(results: Callable[..., Results]):
    (entry,) = results({("simclr", 100): [0.5, 0.7]}).entries
    assert (entry.baseline, entry.gain, entry.savings) == (None, None, None)


def test_an_arm_is_compared_only_where_it_was_run(results: Callable[..., Results]):
    figures = {
        ("scratch", 100): (0.4, 0.5),
        ("scratch", 300): (0.6, 0.7),
        ("scratch-long", 300): (0.7, 0.8),
        ("simclr", 100): (0.6, 0.6),
        ("simclr", 300): (0.9, 0.9),
    }
    entries = results(figures).entries
    assert [(e.arm, e.labels, e.baseline) for e in entries if e.arm != "scratch"] == [
        ("simclr", 100, "scratch"),
        ("scratch-long", 300, None),
        ("simclr", 300, "scratch-long"),
    ]
