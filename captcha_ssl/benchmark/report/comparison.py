"""A table of many methods: one line per way to pretrain, fine-tuned and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from captcha_ssl.benchmark.plan.arms import Arm, is_method
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.summary import Entry
from captcha_ssl.benchmark.report.table import gain, percent
from captcha_ssl.benchmark.runs.pretraining import EncoderRun
from captcha_ssl.duration import duration

MANY = 3
"""From this many methods on, the report has a table that compares them."""
FINE_TUNED, FROZEN = "fine-tuned", "frozen"
"""Kinds of fine-tuning: of all weights, or of the head alone."""


@dataclass(frozen=True)
class Line:
    """The results of one way to make an encoder, by kind of fine-tuning and label count.

    `name` is a method's, or that of an arm without pretraining, whose `pretrained` is empty.
    """

    name: str
    entries: dict[tuple[str, int], Entry]
    pretrained: tuple[EncoderRun, ...]


def lines(results: Results) -> list[Line]:
    """The arms without pretraining first, then the methods in the order of the arms."""
    found: dict[str, dict[tuple[str, int], Entry]] = {}
    arms = {arm.name: arm for arm in results.configuration.arms}
    ordered = sorted(arms.values(), key=lambda arm: arm.method is not None)
    names = {arm.name: _line_of(arm) for arm in ordered}
    for arm in ordered:
        found.setdefault(names[arm.name], {})
    for entry in results.entries:
        kind = FROZEN if arms[entry.arm].freeze else FINE_TUNED
        found[names[entry.arm]][kind, entry.labels] = entry
    return [
        Line(name, entries, tuple(p for p in results.pretrained if p.method == name))
        for name, entries in found.items()
    ]


def _line_of(arm: Arm) -> str:
    """The fine-tuned and the frozen arm of a method share a line; every other arm has its own."""
    return arm.name if arm.method is None or arm.strong or arm.self_training else arm.method


def columns(results: Results) -> list[str]:
    """Heads of the comparison."""
    measured = [f"{kind} {labels:,}" for kind, labels in _kinds(results)]
    gains = [f"gain {labels:,}" for labels in _counts(results)]
    return ["method", *measured, *gains, "place accuracy", "effective rank", "pretraining"]


def table(results: Results) -> list[list[str]]:
    """The texts under `columns`, one row for each of `lines`."""
    return [_texts(line, results) for line in lines(results)]


def _texts(line: Line, results: Results) -> list[str]:
    measured = [line.entries.get(place) for place in _kinds(results)]
    tuned = [line.entries.get((FINE_TUNED, labels)) for labels in _counts(results)]
    trained = [run for run in line.pretrained if not run.diverged]
    told, rank = _mean(trained, "place_accuracy"), _mean(trained, "effective_rank")
    monitored = [
        "–" if told is None else f"{told:.0%}",
        "–" if rank is None else f"{rank:.1f}",
        duration(fmean(run.seconds for run in trained)) if trained else "–",
    ]
    shares = [_share(*place) for place in zip(measured, _kinds(results), strict=True)]
    return [line.name, *shares, *("–" if e is None else gain(e) for e in tuned), *monitored]


def _share(entry: Entry | None, place: tuple[str, int]) -> str:
    if entry is None:
        return "–"
    # Frozen encoders read few complete texts; the character error rate still ranks them.
    characters = f", CER {entry.cer.mean:.0%}" if place[0] == FROZEN else ""
    stuck = f" ({entry.stuck}/{entry.runs} stuck)" if entry.stuck else ""
    return percent(entry.exact_match) + characters + stuck


def _kinds(results: Results) -> list[tuple[str, int]]:
    """Kind of fine-tuning and label count of every measured column."""
    frozen = {arm.freeze for arm in results.configuration.arms}
    kinds = [kind for kind in (FINE_TUNED, FROZEN) if (kind == FROZEN) in frozen]
    return [(kind, labels) for kind in kinds for labels in _counts(results)]


def _counts(results: Results) -> list[int]:
    return sorted({entry.labels for entry in results.entries})


def _mean(trained: Iterable[EncoderRun], figure: str) -> float | None:
    """The mean over runs that were monitored, if any was."""
    values = [run.figures[figure] for run in trained if figure in run.figures]
    return fmean(values) if values else None


def worth_comparing(results: Results) -> bool:
    """Whether there are enough methods for a table that compares them."""
    return len({run.method for run in results.pretrained if is_method(run.method)}) >= MANY


def ranked(found: Sequence[Line], labels: int) -> list[Line]:
    """The lines by fine-tuned exact match at `labels`, the best first; at last those without."""

    def mean(line: Line) -> float:
        entry = line.entries.get((FINE_TUNED, labels))
        return entry.exact_match.mean if entry else -1.0

    return sorted(found, key=mean, reverse=True)
