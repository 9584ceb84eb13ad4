"""Exact match against labels: one line and one band for each arm."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from captcha_ssl.atomic import atomic_path
from captcha_ssl.benchmark.plan.arms import Arm
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.summary import Entry
from captcha_ssl.benchmark.runs.records import Row

PLOT = "accuracy-labels.png"
TITLE = "Texts read without an error"
_INK, FAINT = "#22262e", "#dfe3e8"
_PRETRAINED = ("#0b7a75", "#d1495b", "#3d5a98", "#e09f3e", "#7b4b94", "#5c8001")
_PLAIN = ("#6c757d", "#343a40", "#a0a7ae", "#8a6d3b", "#b89b72")
_MUTED = "#5b6470"
_APART = 1.03
"""Factor on the logarithmic axis between two arms at the same label count."""
_LINE_OF_TEXT = 0.06
"""Height of an arm's name, as a share of the axis."""
_INCHES_A_NAME = 0.33
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def percent_tick(value: float, _: int) -> str:
    """The text of a share at an axis, for a FuncFormatter."""
    return f"{100 * value:.3g}%"


def plot_accuracy(path: Path, results: Results) -> None:
    """Draw means, 95% intervals and single runs as a PNG; the axis of the labels is logarithmic."""
    arms = results.configuration.arms
    shades = colors(arms)
    with rc_context(STYLE), atomic_path(path) as temporary:
        # Not pyplot: it would choose a window system and keep the figure alive.
        several = len({entry.labels for entry in results.entries}) > 1
        size = (7.6 if several else 5.6, max(4.4, 1.4 + _INCHES_A_NAME * len(arms)))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        for place, arm in enumerate(arms):
            entries = [entry for entry in results.entries if entry.arm == arm.name]
            rows = [row for row in results.rows if row.arm == arm.name]
            # Shifted sideways: with equal means one arm would hide the other.
            shift = _APART ** (place - (len(arms) - 1) / 2)
            style = "--" if arm.method is None else "-"
            _draw_arm(axes, entries, rows, shades[arm.name], shift, style)
        _dress(axes, results)
        _name_lines(axes, results.entries, shades)
        figure.savefig(temporary, dpi=160, format="png")


def _draw_arm(
    axes: Axes, entries: Sequence[Entry], rows: Sequence[Row], color: str, shift: float, style: str
) -> None:
    labels = np.array([entry.labels for entry in entries]) * shift
    means = np.array([entry.exact_match.mean for entry in entries])
    low, high = (
        np.clip([getattr(e.exact_match, side) or e.exact_match.mean for e in entries], 0, 1)
        for side in ("low", "high")
    )
    axes.fill_between(labels, low, high, color=color, alpha=0.13, linewidth=0)
    if len(entries) == 1:
        axes.vlines(labels, low, high, color=color, linewidth=6, alpha=0.2, capstyle="butt")
    axes.plot(
        labels,
        means,
        color=color,
        linestyle=style,
        linewidth=2,
        marker="o",
        markersize=7,
        markeredgecolor="white",
        zorder=3,
        clip_on=False,
    )
    spread = [row.labels * shift for row in rows]
    runs = [row.exact_match for row in rows]
    faces = [color if row.converged else "white" for row in rows]
    axes.scatter(
        spread,
        runs,
        s=14,
        c=faces,
        edgecolors=color,
        linewidths=0.8,
        alpha=0.55,
        zorder=2,
        clip_on=False,
    )


def _dress(axes: Axes, results: Results) -> None:
    counts = sorted({entry.labels for entry in results.entries})
    axes.set_xscale("log")
    reach = 1.25 if len(counts) > 1 else 1.12
    axes.set_xlim(counts[0] / reach, counts[-1] * reach)
    axes.set_xticks(counts)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(percent_tick))
    low, high = axes.get_ylim()
    axes.set_ylim(max(0.0, low), min(1.0, high))
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("labeled images")
    axes.set_title(TITLE, loc="left", pad=26, fontsize=13, weight="bold")
    axes.text(0, 1.035, _subtitle(results), transform=axes.transAxes, fontsize=9, color=_MUTED)


def measured(results: Results) -> str:
    """The legend of means and intervals: how many runs and test images they cover."""
    seeds = results.configuration.benchmark.seeds
    what = f"mean and 95% interval of {seeds} runs" if seeds > 1 else "one run"
    return f"{what}, {results.data['test']:,} test images"


def _subtitle(results: Results) -> str:
    hollow = "" if all(row.converged for row in results.rows) else "; hollow: stuck on the plateau"
    return measured(results) + hollow


def _name_lines(axes: Axes, entries: Sequence[Entry], shades: dict[str, str]) -> None:
    """Names at the right, at the height where their lines end."""
    last = {entry.arm: entry for entry in sorted(entries, key=lambda entry: entry.labels)}
    ends = sorted((entry.exact_match.mean, arm) for arm, entry in last.items())
    most = max(entry.labels for entry in entries)
    low, high = axes.get_ylim()
    gap = min(_LINE_OF_TEXT, 1 / len(ends)) * (high - low)
    heights = lines_apart([mean for mean, _ in ends], gap, high)
    for (mean, arm), height in zip(ends, heights, strict=True):
        axes.annotate(
            f"{arm}  {mean:.1%}"
            + ("" if last[arm].labels == most else f" at {last[arm].labels:,}"),
            (1.01, height),
            xycoords=("axes fraction", "data"),
            va="center",
            color=shades[arm],
            weight="bold",
            annotation_clip=False,
        )


def lines_apart(heights: Sequence[float], gap: float, top: float) -> list[float]:
    """Rising heights, moved as little as possible to be `gap` apart and below `top`."""
    risen: list[float] = []
    for height in heights:
        risen.append(max(height, risen[-1] + gap) if risen else height)
    lowered: list[float] = []
    for height in reversed(risen):
        lowered.append(min(height, lowered[-1] - gap if lowered else top))
    return lowered[::-1]


def colors(arms: Sequence[Arm]) -> dict[str, str]:
    """Grays and browns for arms without pretraining, colors for the others."""
    plain = [arm.name for arm in arms if arm.method is None]
    pretrained = [arm.name for arm in arms if arm.method is not None]
    return dict(zip(plain, cycle(_PLAIN), strict=False)) | dict(
        zip(pretrained, cycle(_PRETRAINED), strict=False)
    )
