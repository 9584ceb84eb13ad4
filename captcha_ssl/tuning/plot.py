"""A picture of a search: the errors of its trials, and the importance of the dimensions."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from captcha_ssl.atomic import atomic_path
from captcha_ssl.benchmark.report.plots import FAINT, STYLE, lines_apart
from captcha_ssl.tuning.results import SearchResults

PLOT = "search.png"
_DOT, _BEST, _BASELINE = "#3d5a98", "#0b7a75", "#6c757d"
_MOST_BARS = 12
_ROOM_ABOVE = 1.1
"""The top of the axis, in largest errors."""
_LINE_OF_TEXT = 0.05
"""Its height as a share of the axis."""


def plot_search(path: Path, results: SearchResults, importance: dict[str, float]) -> None:
    """Draw both as a PNG; the second only if it is known."""
    with rc_context(STYLE), atomic_path(path) as temporary:
        # Not pyplot: it would choose a window system and keep the figure alive.
        figure = Figure(figsize=(10 if importance else 6.4, 4.4), layout="constrained")
        axes = figure.subplots(1, 2 if importance else 1, squeeze=False)[0]
        _draw_trials(axes[0], results)
        figure.legend(
            loc="outside lower left", ncols=results.config.tune.rungs + 1, frameon=False, fontsize=8
        )
        if importance:
            _draw_importance(axes[1], importance)
        figure.savefig(temporary, dpi=160, format="png")


def _draw_trials(axes: Axes, results: SearchResults) -> None:
    rungs = results.config.tune.rungs
    tried = [trial for trial in results.tried if not trial.last.problem]
    for rung in range(rungs):
        found = [t for t in tried if t.last.rung == rung]
        if found:
            axes.scatter(
                [t.number for t in found],
                [t.last.cer for t in found],
                s=18 + 26 * rung,
                color=_DOT,
                alpha=0.35 + 0.6 * (rung + 1) / rungs / 1.5,
                label=f"rung {rung + 1} of {rungs}",
                zorder=3,
            )
    best = results.best
    axes.scatter(
        [best.number], [best.last.cer], s=130, facecolors="none", edgecolors=_BEST, linewidths=2,
        label=f"best: {results.recipe(best.values).name}", zorder=4,
    )  # fmt: skip
    top = _ROOM_ABOVE * max((trial.last.cer for trial in tried), default=1) or 1
    known = [trial for trial in results.baselines if not trial.last.problem]
    baselines = sorted(known, key=lambda trial: trial.last.cer)
    heights = lines_apart([trial.last.cer for trial in baselines], _LINE_OF_TEXT * top, top)
    for trial, height in zip(baselines, heights, strict=True):
        axes.axhline(trial.last.cer, color=_BASELINE, linewidth=1, linestyle="--", zorder=1)
        axes.annotate(
            results.named(trial), (1.01, height), xycoords=("axes fraction", "data"),
            ha="left", va="center", fontsize=8, color=_BASELINE,
        )  # fmt: skip
    axes.set_xlabel("trial")
    axes.set_ylabel("character errors in held-out images")
    axes.set_ylim(0, top)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=FAINT)


def _draw_importance(axes: Axes, importance: dict[str, float]) -> None:
    shown = list(importance.items())[:_MOST_BARS][::-1]
    axes.barh([name for name, _ in shown], [share for _, share in shown], color=_BEST, height=0.6)
    axes.set_title("Variance explained on the first rung", loc="left", fontsize=10)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(axis="x", color=FAINT)
    axes.set_axisbelow(True)
