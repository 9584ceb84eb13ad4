"""A picture of the confusions: a matrix with a row for each misread character."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captcha_ssl.atomic import atomic_path
from captcha_ssl.printable import printable
from captcha_ssl.recognition.evaluation.evaluate import Evaluation
from captcha_ssl.recognition.evaluation.metrics import GAP, confusions, per_character_table

MOST_ROWS = 30
_NOTHING = "∅"
_INK, _FAINT = "#22262e", "#dfe3e8"
_CELL, _MARGIN = 0.32, 1.7
"""Inches of a cell, and around all of them."""
_STYLE: Any = {
    "font.family": "DejaVu Sans Mono",
    "font.size": 10,
    "text.color": _INK,
    # A dollar sign in a label is not math.
    "text.parse_math": False,
}


def write_confusions(path: Path, evaluation: Evaluation) -> None:
    """Draw the counts of readings, the most misread characters first.

    A row is a character of the labels, with the share of its occurrences that are read right; ∅
    means no character. Without errors the picture has a sentence. Raises OSError.
    """
    counts = Counter(
        {(t, r): n for t, r, n in confusions(evaluation.labels, evaluation.predictions)}
    )
    rows, columns, table = _table(counts)
    right = {
        character: score.correct / score.n
        for character, score in per_character_table(
            evaluation.labels, evaluation.predictions
        ).items()
    }
    size = _MARGIN + _CELL * max(len(columns), 8), _MARGIN + _CELL * max(len(rows), 2)
    with rc_context(_STYLE), warnings.catch_warnings(), atomic_path(path) as temporary:
        # A character that the font lacks is drawn as a box.
        warnings.simplefilter("ignore", UserWarning)
        # Not pyplot: it would choose a window system and keep the figure alive.
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        if not rows:
            axes.text(0.5, 0.5, "every character is read right", ha="center", va="center")
            axes.axis("off")
        else:
            _draw(axes, rows, columns, table, right)
        figure.savefig(temporary, dpi=120, format="png")


def _table(counts: Counter[tuple[str, str]]) -> tuple[list[str], list[str], np.ndarray]:
    """Characters of the rows and columns, and the counts int64 [rows, columns]."""
    missed: Counter[str] = Counter()
    for (truth, _), count in counts.items():
        missed[truth] += count
    rows = [truth for truth, _ in missed.most_common(MOST_ROWS)]
    read = {read for truth, read in counts if truth in rows}
    columns = sorted(read, key=lambda character: (character == GAP, character))
    table = np.array([[counts[truth, read] for read in columns] for truth in rows], np.int64)
    return rows, columns, table


def _draw(
    axes: Axes, rows: list[str], columns: list[str], table: np.ndarray, right: dict[str, float]
) -> None:
    axes.imshow(np.sqrt(table), cmap="Oranges", vmin=0, aspect="equal")
    for (row, column), count in np.ndenumerate(table):
        if count:
            strong = count > 0.5 * table.max()
            axes.text(column, row, f"{count}", ha="center", va="center", size=8,
                      color="white" if strong else _INK)  # fmt: skip
    axes.set_xticks(range(len(columns)), [printable(read) or _NOTHING for read in columns])
    shares = [f"{right[truth]:4.0%}" if truth in right else "    " for truth in rows]
    named = [
        f"{printable(truth) or _NOTHING} {share}" for truth, share in zip(rows, shares, strict=True)
    ]
    axes.set_yticks(range(len(rows)), named)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xlabel("read instead")
    axes.set_ylabel("label, and share right")
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=_FAINT, linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_color(_FAINT)
