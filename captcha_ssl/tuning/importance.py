"""Importance: how much of the variance of the errors one dimension explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from captcha_ssl.tuning.study import Tried

LEAST = 8
"""The fewest recipes with a dimension that its importance is computed from."""
_PARTS = 3
"""Groups of equal size for the numbers of a dimension."""


def importance(tried: Sequence[Tried]) -> dict[str, float]:
    """Dimension → share of the variance that it explains, the largest first; from 0 to 1.

    Of the ranks of the error rates on the first rung, where all recipes are, among the recipes
    that have the dimension: `explained` of its values. Shares overlap and do not add up to 1.
    """
    found = [trial for trial in tried if trial.outcomes and not trial.outcomes[0].problem]
    shares = {}
    for name in {name: None for trial in found for name in trial.values}:
        having = [trial for trial in found if name in trial.values]
        values = [trial.values[name] for trial in having]
        if len(having) >= LEAST and len(set(values)) > 1:
            errors = [trial.outcomes[0].cer for trial in having]
            shares[name] = explained(groups(values), errors)
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def explained(group: Sequence[int], errors: Sequence[float]) -> float:
    """ε² of a one-way analysis of variance on ranks, 0 where it would be below (Kelley 1935).

    The share of the variance between the groups, less what as many groups would explain by chance.
    """
    ranks, places = _ranks(np.asarray(errors)), np.asarray(group)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    kinds = np.unique(places)
    within = float(
        sum(((ranks[places == k] - ranks[places == k].mean()) ** 2).sum() for k in kinds)
    )
    if not total or len(ranks) <= len(kinds):
        return 0.0
    by_chance = (len(kinds) - 1) * within / (len(ranks) - len(kinds))
    return max(0.0, (total - within - by_chance) / total)


def groups(values: Sequence[Any]) -> list[int]:
    """The group of each value: one per value, or thirds if there are many numbers."""
    distinct = list(dict.fromkeys(values))
    numbers = all(isinstance(value, int | float) for value in distinct)
    if not numbers or len(distinct) <= 2 * _PARTS:
        return [distinct.index(value) for value in values]
    ends = np.quantile(np.asarray(values, float), np.arange(1, _PARTS) / _PARTS)
    return np.searchsorted(ends, np.asarray(values, float)).tolist()


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks float [N] of values [N]; equal ones share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends: np.ndarray = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]
