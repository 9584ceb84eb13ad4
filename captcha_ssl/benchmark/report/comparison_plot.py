"""A picture of many methods: a row for each, a dot for each label count, best method on top."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from captcha_ssl.atomic import atomic_path
from captcha_ssl.benchmark.report.comparison import FINE_TUNED, FROZEN, Line, lines, ranked
from captcha_ssl.benchmark.report.plots import FAINT, STYLE, TITLE, measured, percent_tick
from captcha_ssl.benchmark.report.results import Results

COMPARISON_PLOT = "comparison.png"
_COLORS = ("#0b7a75", "#d1495b", "#3d5a98", "#e09f3e", "#7b4b94", "#5c8001")
_INCHES_A_ROW = 0.27


def plot_comparison(path: Path, results: Results) -> None:
    """Draw means and 95% intervals as a PNG: filled fine-tuned, hollow frozen."""
    counts = sorted({entry.labels for entry in results.entries})
    found = ranked(lines(results), counts[-1])
    with rc_context(STYLE), atomic_path(path) as temporary:
        figure = Figure(figsize=(8.4, 1.5 + _INCHES_A_ROW * len(found)), layout="constrained")
        axes = figure.add_subplot()
        for labels, color in zip(counts, _COLORS, strict=False):
            _draw(axes, found, labels, color)
        _dress(axes, found, results)
        figure.savefig(temporary, dpi=160, format="png")


def _draw(axes: Axes, found: list[Line], labels: int, color: str) -> None:
    for kind, face, shift in ((FINE_TUNED, color, -0.12), (FROZEN, "white", 0.12)):
        means_here = [
            (row + shift, line.entries[kind, labels].exact_match)
            for row, line in enumerate(found)
            if (kind, labels) in line.entries
        ]
        if not means_here:
            continue
        rows, values = zip(*means_here, strict=True)
        means = [value.mean for value in values]
        low = [max(0.0, value.mean if value.low is None else value.low) for value in values]
        high = [min(1.0, value.mean if value.high is None else value.high) for value in values]
        axes.hlines(rows, low, high, color=color, linewidth=3, alpha=0.25)
        axes.scatter(
            means,
            rows,
            s=34,
            c=face,
            edgecolors=color,
            zorder=3,
            clip_on=False,
            label=f"{labels:,} labels, {kind}",
        )


def _dress(axes: Axes, found: list[Line], results: Results) -> None:
    axes.set_yticks(range(len(found)), [line.name for line in found])
    for text, line in zip(axes.get_yticklabels(), found, strict=True):
        text.set_fontweight("normal" if line.pretrained else "bold")
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(FuncFormatter(percent_tick))
    axes.grid(axis="both", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title(TITLE, loc="left", pad=26, fontsize=13, weight="bold")
    axes.text(0, 1.012, measured(results), transform=axes.transAxes, fontsize=9)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
