"""The results of a running benchmark on stderr: a table on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from captcha_ssl.cli.streams import say_on_stderr, terminal_restored

if TYPE_CHECKING:
    from rich.console import RenderableType

    from captcha_ssl.benchmark.runs.progress import BenchmarkListener
    from captcha_ssl.benchmark.runs.records import Row

_LINES = 6
"""The number of latest messages below the table."""


@contextmanager
def live_table(*, quiet: bool) -> Iterator[BenchmarkListener]:
    """Yield what shows the messages and the reported runs; with `quiet` it shows nothing."""
    from captcha_ssl.benchmark.runs.progress import UNHEARD, BenchmarkListener

    if quiet:
        yield UNHEARD
    elif not sys.stderr.isatty():
        yield BenchmarkListener(say_on_stderr)
    else:
        from rich.console import Console
        from rich.live import Live

        board = Board()
        console = Console(stderr=True)
        # By default rich redirects stdout to this console.
        with (
            terminal_restored(),
            Live(console=console, transient=True, redirect_stdout=False) as live,
        ):

            def say(line: str) -> None:
                board.say(line)
                live.update(board.draw())

            def show(row: Row) -> None:
                board.show(row)
                live.update(board.draw())

            yield BenchmarkListener(say, show)


class Board:
    """Exact match of each arm at each label count over the runs so far, and the latest messages."""

    def __init__(self) -> None:
        self.found: dict[str, dict[int, list[float]]] = {}
        self.said: list[str] = []

    def say(self, line: str) -> None:
        """Show a message below the table until newer ones replace it."""
        self.said = [*self.said, line][-_LINES:]

    def show(self, row: Row) -> None:
        """Add a reported run."""
        self.found.setdefault(row.arm, {}).setdefault(row.labels, []).append(row.exact_match)

    def draw(self) -> RenderableType:
        """The table, with a row per arm and a column per label count, and the messages."""
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        counts = sorted({labels for of_arm in self.found.values() for labels in of_arm})
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("arm", no_wrap=True)
        for labels in counts:
            table.add_column(f"{labels:,} labels", justify="right", no_wrap=True)
        for arm, of_arm in self.found.items():
            table.add_row(arm, *(_cell(of_arm.get(labels, [])) for labels in counts))
        said = [Text(line, overflow="ellipsis", no_wrap=True) for line in self.said]
        return Group(*([table] if self.found else []), *said)


def _cell(values: list[float]) -> str:
    if not values:
        return "–"
    from captcha_ssl.benchmark.report.statistics import estimate
    from captcha_ssl.benchmark.report.table import percent

    return f"{percent(estimate(values))} ({len(values)})"
