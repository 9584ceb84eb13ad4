"""A picture of the training losses: a panel for each label count, a line for each arm."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from captcha_ssl.atomic import atomic_path
from captcha_ssl.benchmark.plan.arms import Arm
from captcha_ssl.benchmark.report.plots import FAINT, STYLE, colors
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.runs.details import Details

CURVES_PLOT = "learning-curves.png"
_LOWEST = 1e-4
"""Lower losses are drawn at this value: differences below it mean nothing."""


def plot_curves(path: Path, results: Results) -> None:
    """Draw the runs that have details as a PNG; both axes logarithmic."""
    arms = results.configuration.arms
    counts = sorted({labels for _, labels, _ in results.details})
    shades = colors(arms)
    plateau = math.log(max(2, len(results.data["charset"])))
    size = (max(6.0, 0.9 + 3.3 * len(counts)), 3.4 + 0.11 * len(arms))
    with rc_context(STYLE), atomic_path(path) as temporary:
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(counts), sharey=True, squeeze=False)[0]
        for axes, labels in zip(panels, counts, strict=True):
            axes.axhline(plateau, color="#adb5bd", linewidth=6, alpha=0.5, zorder=0)
            for arm in arms:
                runs = [
                    found
                    for (name, n, _), found in results.details.items()
                    if (name, n) == (arm.name, labels)
                ]
                _draw(axes, arm, runs, shades[arm.name])
            _dress(axes, f"{labels:,} labels")
        panels[0].set_ylabel("training loss")
        named: dict[str, Any] = {}
        for axes in panels:
            handles, names = axes.get_legend_handles_labels()
            named |= dict(zip(names, handles, strict=True))
        figure.legend(
            list(named.values()), list(named), loc="outside lower center", ncols=4, frameon=False
        )
        figure.savefig(temporary, dpi=150, format="png")


def _draw(axes: Axes, arm: Arm, runs: list[Details], color: str) -> None:
    curves = [np.array(run.losses) for run in runs if run.losses]
    if not curves:
        return
    for curve in curves:
        axes.plot(curve[:, 0], curve[:, 1].clip(_LOWEST), color=color, linewidth=0.7, alpha=0.3)
    # All runs of an arm are logged at the same steps, unless someone edits the files.
    curves = [curve for curve in curves if np.array_equal(curve[:, 0], curves[0][:, 0])]
    median = np.median([curve[:, 1] for curve in curves], axis=0).clip(_LOWEST)
    style = "--" if arm.method is None else "-"
    axes.plot(curves[0][:, 0], median, color=color, linewidth=2, linestyle=style, label=arm.name)


def _dress(axes: Axes, title: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(title, loc="left", fontsize=11, weight="bold")
    axes.set_xlabel("steps")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
