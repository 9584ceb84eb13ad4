"""Summarizes the rows of the runs: one entry for each arm at each label count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from captcha_ssl.benchmark.plan.arms import Arm
from captcha_ssl.benchmark.report.statistics import (
    Estimate,
    LabelSavings,
    errors_removed,
    estimate,
    label_savings,
    paired_difference,
)
from captcha_ssl.benchmark.runs.records import Row


@dataclass(frozen=True)
class Entry:
    """An arm at a label count, over all seeds.

    `baseline` is the arm without pretraining with the best mean at this count. `gain` (paired, same
    seeds), `errors_removed` and `savings` compare with it, and are None for the baseline itself.
    `void`: a run of the baseline never left the CTC plateau, so the gain measures luck. `unseen`
    and `unseen_gain` are exact match and gain in a style that no run learns from, if there is one.
    """

    arm: str
    labels: int
    runs: int
    exact_match: Estimate
    cer: Estimate
    stuck: int
    lr: float
    seconds: float
    baseline: str | None
    gain: Estimate | None
    errors_removed: float | None
    savings: LabelSavings | None
    void: bool
    unseen: Estimate | None
    unseen_gain: Estimate | None


def summarize(rows: Sequence[Row], arms: Sequence[Arm]) -> list[Entry]:
    """The entries by label count, then in the order of the arms."""
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.seed):
        groups.setdefault((row.labels, row.arm), []).append(row)
    counts = sorted({row.labels for row in rows})
    plain = [arm.name for arm in arms if arm.method is None]
    # Not every arm is run at every label count.
    candidates = {n: [groups[n, name] for name in plain if (n, name) in groups] for n in counts}
    baselines = {n: _best(found) for n, found in candidates.items() if found}
    curve = [(n, _mean(baseline)) for n, baseline in baselines.items()]
    return [
        _entry(groups[n, arm.name], baselines.get(n), curve)
        for n in counts
        for arm in arms
        if (n, arm.name) in groups
    ]


def _entry(
    runs: list[Row], baseline: list[Row] | None, curve: Sequence[tuple[int, float]]
) -> Entry:
    values = [row.exact_match for row in runs]
    against = None if baseline is None or baseline[0].arm == runs[0].arm else baseline
    others = [row.exact_match for row in against or []]
    unseen, unseen_there = _unseen(runs), _unseen(against or [])
    return Entry(
        arm=runs[0].arm,
        labels=runs[0].labels,
        runs=len(runs),
        exact_match=estimate(values),
        cer=estimate([row.cer for row in runs]),
        stuck=_stuck(runs),
        lr=runs[0].lr,
        seconds=fmean(row.seconds for row in runs),
        baseline=against[0].arm if against else None,
        gain=paired_difference(values, others) if against else None,
        errors_removed=errors_removed(fmean(values), fmean(others)) if against else None,
        savings=label_savings(runs[0].labels, fmean(values), curve) if against else None,
        void=bool(against and _stuck(against)),
        unseen=estimate(unseen) if unseen else None,
        unseen_gain=paired_difference(unseen, unseen_there) if unseen and unseen_there else None,
    )


def _best(candidates: list[list[Row]]) -> list[Row]:
    return max(candidates, key=_mean)


def _mean(runs: list[Row]) -> float:
    return fmean(row.exact_match for row in runs)


def _unseen(runs: list[Row]) -> list[float]:
    """The exact match of the runs in the unseen style; empty unless all of them have one."""
    found = [row.unseen for row in runs if row.unseen is not None]
    return found if len(found) == len(runs) else []


def _stuck(runs: list[Row]) -> int:
    return sum(not row.converged for row in runs)
