"""The summary in words and figures, the same for the terminal and for the report."""

from __future__ import annotations

from captcha_ssl.benchmark.report.statistics import Estimate, LabelSavings
from captcha_ssl.benchmark.report.summary import Entry
from captcha_ssl.duration import duration

COLUMNS = (
    "labels",
    "arm",
    "exact match",
    "CER",
    "gain",
    "over",
    "errors removed",
    "labels saved",
    "stuck",
    "time",
)


def cells(entry: Entry) -> tuple[str, ...]:
    """The texts of an entry under COLUMNS; percentages with their 95% intervals."""
    return (
        f"{entry.labels:,}",
        entry.arm,
        percent(entry.exact_match),
        f"{entry.cer.mean:.1%}",
        gain(entry),
        entry.baseline or "–",
        "–" if entry.errors_removed is None or entry.void else f"{entry.errors_removed:.0%}",
        "–" if entry.savings is None or entry.void else saved(entry.savings),
        f"{entry.stuck}/{entry.runs}",
        duration(entry.seconds),
    )


def percent(value: Estimate) -> str:
    """63.1% ± 2.0, or without the interval for a single run."""
    return f"{value.mean:.1%}" + _half_width(value)


def gain(entry: Entry) -> str:
    """The paired gain in percentage points; void over a stuck baseline."""
    if entry.gain is None:
        return "–"
    if entry.void:
        return "void"
    return points(entry.gain)


def points(difference: Estimate) -> str:
    """+6.1 ± 2.0 percentage points, or without the interval for a single run."""
    return f"{100 * difference.mean:+.1f}{_half_width(difference)}"


def saved(savings: LabelSavings) -> str:
    """How many times more labels the baseline needs."""
    sign = {"=": "", ">": "> ", "<": "< "}[savings.relation]
    return f"{sign}×{savings.factor:.1f}"


def _half_width(value: Estimate) -> str:
    return "" if value.high is None else f" ± {100 * (value.high - value.mean):.1f}"
