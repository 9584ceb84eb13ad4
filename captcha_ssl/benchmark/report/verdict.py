"""The summary at a glance: the best pretrained arms, and those that did not help."""

from __future__ import annotations

from collections.abc import Iterator

from captcha_ssl.benchmark.plan.arms import counterpart, is_method
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.statistics import Estimate, paired_difference
from captcha_ssl.benchmark.report.summary import Entry
from captcha_ssl.benchmark.report.table import gain, points, saved


def highlights(results: Results) -> list[tuple[str, str]]:
    """For each label count the gain of the best arm of a method; (figure, meaning)."""
    methods = {arm.name for arm in results.configuration.arms if is_method(arm.method)}
    return [
        _highlight(results, max(of_methods, key=lambda entry: entry.exact_match.mean))
        for labels in _counts(results)
        if (of_methods := [e for e in _at(results, labels) if e.arm in methods and e.gain])
    ]


def unhelpful(results: Results) -> list[str]:
    """One line for each pretrained arm that is not clearly ahead of its counterpart.

    The counterpart is the same fine-tuning without the pretraining, or else the best arm without
    any.
    """
    arms, lines = results.configuration.arms, []
    for arm in arms:
        if arm.method is None:
            continue
        other = counterpart(arm, arms)
        told = []
        for entry in (e for e in results.entries if e.arm == arm.name and not e.void):
            found = _gain_over(results, entry, other.name) if other else entry.gain
            if found is not None and _no_better(found):
                over = other.name if other else entry.baseline
                told.append(f"{points(found)} at {entry.labels:,} labels (over {over})")
        lines += [f"{arm.name}: {', '.join(told)}"] if told else []
    return lines


def _gain_over(results: Results, entry: Entry, other: str) -> Estimate | None:
    """The gain of an entry over another arm, paired by seed; None if they share no seed."""
    own, its = (
        {row.seed: row.exact_match for row in results.rows if (row.arm, row.labels) == key}
        for key in ((entry.arm, entry.labels), (other, entry.labels))
    )
    seeds = sorted(own.keys() & its.keys())
    if not seeds:
        return None
    return paired_difference([own[seed] for seed in seeds], [its[seed] for seed in seeds])


def _highlight(results: Results, entry: Entry) -> tuple[str, str]:
    beside = _over_shipped(results, entry)
    if entry.void:
        void = f"{entry.arm} at {entry.labels:,} labels: {entry.baseline} was stuck"
        return "void", "; ".join([void, *beside])
    what = f"points: {entry.arm} over {entry.baseline} at {entry.labels:,} labels"
    facts = []
    if entry.errors_removed is not None:
        facts.append(f"{entry.errors_removed:.0%} of the errors removed")
    if entry.savings is not None:
        facts.append(f"{saved(entry.savings)} labels saved")
    return gain(entry), "; ".join([what, *facts, *beside])


def _over_shipped(results: Results, entry: Entry) -> Iterator[str]:
    """What the pretraining added to the shipped model, for an arm that starts from it."""
    arms = results.configuration.arms
    arm = next(arm for arm in arms if arm.name == entry.arm)
    other = counterpart(arm, arms)
    if other is None or other.method is None:
        return
    found = _gain_over(results, entry, other.name)
    if found is not None:
        yield f"{points(found)} over {other.name}"


def _no_better(found: Estimate) -> bool:
    """Whether the interval of the gain reaches below zero; without one, the mean decides."""
    return (found.mean if found.low is None else found.low) <= 0


def _counts(results: Results) -> list[int]:
    return sorted({entry.labels for entry in results.entries})


def _at(results: Results, labels: int) -> Iterator[Entry]:
    return (entry for entry in results.entries if entry.labels == labels)
