"""The summary at a glance: the best of what was learned without labels, and what did not help."""

from __future__ import annotations

from collections.abc import Iterator

from captcha_ssl.benchmark.plan.plan import is_method
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.summary import Entry
from captcha_ssl.benchmark.report.table import gain, saved


def highlights(results: Results) -> list[tuple[str, str]]:
    """For each label count the gain of the best arm of a method; (figure, meaning)."""
    methods = {arm.name for arm in results.configuration.arms if is_method(arm.method)}
    return [
        _highlight(max(of_methods, key=lambda entry: entry.exact_match.mean))
        for labels in _counts(results)
        if (of_methods := [e for e in _at(results, labels) if e.arm in methods and e.gain])
    ]


def unhelpful(results: Results) -> list[str]:
    """One line for each arm that is not clearly ahead of the best without pretraining."""
    lines = []
    for arm in results.configuration.arms:
        behind = [e for e in results.entries if e.arm == arm.name and _no_better(e)]
        told = ", ".join(f"{gain(e)} at {e.labels:,} labels (over {e.baseline})" for e in behind)
        lines += [f"{arm.name}: {told}"] if behind else []
    return lines


def _highlight(entry: Entry) -> tuple[str, str]:
    if entry.void:
        return "void", f"{entry.arm} at {entry.labels:,} labels: {entry.baseline} was stuck"
    what = f"points: {entry.arm} over {entry.baseline} at {entry.labels:,} labels"
    facts = [
        *(f"{e:.0%} of the errors removed" for e in [entry.errors_removed] if e is not None),
        *(f"{saved(s)} labels saved" for s in [entry.savings] if s is not None),
    ]
    return gain(entry), "; ".join([what, *facts])


def _no_better(entry: Entry) -> bool:
    """Whether the interval of the gain reaches below zero; without one, the mean decides."""
    if entry.gain is None or entry.void:
        return False
    low = entry.gain.mean if entry.gain.low is None else entry.gain.low
    return low <= 0


def _counts(results: Results) -> list[int]:
    return sorted({entry.labels for entry in results.entries})


def _at(results: Results, labels: int) -> Iterator[Entry]:
    return (entry for entry in results.entries if entry.labels == labels)
