"""The ratios as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.performance.ratio import Ratio

HEADER: tuple[str, ...] = ("what", "captcha-ssl", "peer", "", "beside", "times better", "goal")


def table(ratios: Sequence[Ratio]) -> str:
    """A row for each ratio, numbers to the right."""
    lines = [HEADER, ("---", "---:", "---:", "---", "---", "---:", "---:"), *map(_cells, ratios)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(ratio: Ratio) -> tuple[str, ...]:
    goal = "" if ratio.goal is None else f"≥ {ratio.goal:g}"
    figures = (shown(ratio.ours), shown(ratio.peer), ratio.unit)
    return (ratio.what, *figures, ratio.beside, shown(ratio.times), goal)


def shown(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
