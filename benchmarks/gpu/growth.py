"""A picture of the case: how accuracy grows with the images that pretraining has seen.

    python -m benchmarks.gpu.growth benchmark.json picture.png

The first may be compressed (.gz).
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from captcha_ssl.atomic import atomic_path
from captcha_ssl.benchmark.report.plots import FAINT, STYLE, TITLE, percent_tick

_ARM = re.compile(r"(\w+)(?::pretrain_steps=(\d+))?(:pretrain_lr=[\d.]+)?(-self-training)?")
_COLORS = {"simclr": "#0b7a75", "simsiam": "#3d5a98", "scratch": "#6c757d"}
_MARKERS = {"simclr": "o", "simsiam": "s", "scratch": ""}
_NAMES = {"simclr": "SimCLR", "simsiam": "SimSiam", "scratch": "from scratch"}


@dataclass(frozen=True)
class Point:
    """An arm's exact match with its 95% interval; `images` seen in pretraining, 0 for none."""

    method: str
    images: int
    taught: bool
    mean: float
    low: float
    high: float


def points(content: dict[str, Any]) -> list[Point]:
    """The arms of a benchmark.json, without those at another rate of pretraining."""
    batch = content["settings"]["pretrain_batch_size"]
    found = []
    for entry in content["summary"]:
        arm = _ARM.fullmatch(entry["arm"])
        if arm is None or arm[3]:
            continue
        match = entry["exact_match"]
        images = int(arm[2] or 0) * batch
        found.append(
            Point(arm[1], images, bool(arm[4]), match["mean"], match["low"], match["high"])
        )
    return found


def draw(found: list[Point], path: Path) -> None:
    """Draw a line for each method, dashed with self-training, and a level for no pretraining."""
    with rc_context(STYLE), atomic_path(path) as temporary:
        figure = Figure(figsize=(7.6, 4.6), layout="constrained")
        axes = figure.add_subplot()
        seen = sorted({point.images for point in found if point.images})
        for method, taught in dict.fromkeys((point.method, point.taught) for point in found):
            line = [point for point in found if (point.method, point.taught) == (method, taught)]
            if not line[0].images:
                line = [replace(line[0], images=images) for images in (seen[0], seen[-1])]
            _draw_line(axes, line)
        axes.set_xscale("log")
        axes.set_xticks(seen, [f"{images / 1e6:.2g} million" for images in seen])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(percent_tick))
        axes.grid(axis="y", color=FAINT)
        axes.set_xlabel("images seen in pretraining")
        axes.set_title(TITLE, loc="left", weight="bold")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        figure.savefig(temporary, dpi=160, format="png")


def _draw_line(axes: Axes, line: list[Point]) -> None:
    first, images = line[0], [point.images for point in line]
    color, low, high = _COLORS[first.method], [p.low for p in line], [p.high for p in line]
    axes.fill_between(images, low, high, color=color, alpha=0.12, linewidth=0)
    axes.plot(
        images,
        [point.mean for point in line],
        linestyle="--" if first.taught else "-",
        marker=_MARKERS[first.method],
        color=color,
        label=_NAMES[first.method] + ", self-training" * first.taught,
    )


def main(source: str, picture: str) -> None:
    """Draw `picture` from the benchmark.json `source`."""
    raw = Path(source).read_bytes()
    content = json.loads(gzip.decompress(raw) if source.endswith(".gz") else raw)
    draw(points(content), Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
