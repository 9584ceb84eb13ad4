"""Statistics of a few paired runs: pure functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev


@dataclass(frozen=True)
class Estimate:
    """A mean with the bounds of its t-interval; no bounds for a single value."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LabelSavings:
    """The baseline needs `needed` labels to match `labels` labels; `relation` is =, > or <.

    > means that even all labels of the baseline (`needed`) fall short, < that its smallest count
    does better.
    """

    labels: int
    needed: float
    relation: str

    @property
    def factor(self) -> float:
        """How many times more labels the baseline needs."""
        return self.needed / self.labels


def estimate(values: Sequence[float], level: float = 0.95) -> Estimate:
    """Mean and Student's t-interval at a confidence `level` of at least one value.

    The bounds may lie outside 0…1: they describe the uncertainty of the mean of a few runs.
    """
    mean = fmean(values)
    if len(values) < 2:
        return Estimate(mean, None, None)
    half = t_quantile(level, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def paired_difference(
    values: Sequence[float], others: Sequence[float], level: float = 0.95
) -> Estimate:
    """Mean and t-interval of `values` − `others`, paired by position."""
    return estimate([a - b for a, b in zip(values, others, strict=True)], level)


def errors_removed(accuracy: float, baseline: float) -> float | None:
    """Share of the baseline's errors that are removed; None if the baseline makes none."""
    return (accuracy - baseline) / (1 - baseline) if baseline < 1 else None


def label_savings(
    labels: int, accuracy: float, curve: Sequence[tuple[int, float]]
) -> LabelSavings | None:
    """Labels a baseline needs for `accuracy`, linear in the logarithm of the labels.

    `curve` holds (labels, accuracy) of the baseline; with fewer than two label counts there is
    nothing to interpolate and None is returned. The first crossing counts.
    """
    points = sorted(curve)
    if len(points) < 2:
        return None
    if accuracy < points[0][1]:
        return LabelSavings(labels, points[0][0], "<")
    for (n, low), (m, high) in pairwise(points):
        if low <= accuracy <= high:
            share = (accuracy - low) / (high - low) if high > low else 0.0
            return LabelSavings(labels, n * (m / n) ** share, "=")
    return LabelSavings(labels, points[-1][0], ">")


def t_quantile(level: float, df: int) -> float:
    """The t with P(|T| ≤ t) = `level` for Student's T with `df` degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < level else (low, middle)
    return math.sqrt(df) * math.tan(low)


def _within(angle: float, df: int) -> float:
    """P(|T| ≤ √df · tan(angle)): the finite sums of Abramowitz & Stegun 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = df % 2
    term = cosine if odd else 1.0
    total = term if df > 1 else 0.0
    for k in range(2 + odd, df - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
