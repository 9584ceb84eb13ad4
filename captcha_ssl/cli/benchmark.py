"""`captcha-ssl benchmark`: does pretraining help on these images, and how certain is that?"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from captcha_ssl.benchmark.plan.plan import check_pile
from captcha_ssl.cli.live_table import live_table
from captcha_ssl.cli.options import Cluster, Out, Quiet, run_folder

if TYPE_CHECKING:
    from captcha_ssl.benchmark.plan.config import BenchmarkConfig
    from captcha_ssl.benchmark.report.results import Results

_LEFT_OUT = ("over", "time")
"""Columns that are too many for a terminal; the report has them."""
_PIPE_WIDTH = 500
BENCHMARK_DATA = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="DATA",
        help="Images with labels: folders, tables or archives; several are one; if absent, a set "
        "is rendered.",
        show_default=False,
    ),
]


def benchmark_command(
    config: BenchmarkConfig,
    out: Out = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the benchmark in --out.")
    ] = False,
    cluster: Cluster = None,
    quiet: Quiet = False,
) -> None:
    """Measure what pretraining gains on your images.

    Example: captcha-ssl benchmark labeled/ --pile pile/ --label-counts 100,200 --out runs/bench

    Writes benchmark.json, report.html, report.md and plots to --out.
    """
    folder = run_folder(out)
    check_pile(config.benchmark)
    from captcha_ssl.benchmark.run import run_benchmark
    from captcha_ssl.workers.cluster import on_cluster

    command = shlex.join(["captcha-ssl", *(a for a in sys.argv[1:] if a != "--resume")])
    try:
        with on_cluster(cluster), live_table(quiet=quiet) as listener:
            results = run_benchmark(
                folder, config, command=command, resume=resume, listener=listener
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; continue with --out {folder} --resume") from None
    _print_table(results)


def _print_table(results: Results) -> None:
    from captcha_ssl.benchmark.report.comparison import columns, table, worth_comparing
    from captcha_ssl.benchmark.report.table import COLUMNS, cells

    if worth_comparing(results):
        _print(columns(results), table(results), left=("method",))
        return
    shown = [n for n, name in enumerate(COLUMNS) if not _seen() or name not in _LEFT_OUT]
    rows = [[cells(entry)[n] for n in shown] for entry in results.entries]
    counts = [entry.labels for entry in results.entries]
    ends = {n for n, pair in enumerate(pairwise(counts)) if pair[0] != pair[1]}
    _print([COLUMNS[n] for n in shown], rows, left=("arm", "over"), ends=ends)


def _seen() -> bool:
    return sys.stdout.isatty()


def _print(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Sequence[str],
    ends: Collection[int] = (),
) -> None:
    """A table with the columns `left` left-aligned and a line below the rows `ends`."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD if _seen() else None, padding=(0, 1, 0, 0))
    for name in heads:
        justify: Literal["left", "right"] = "left" if name in left else "right"
        header = name.replace(" ", "\n") if _seen() else name
        table.add_column(header, justify=justify, vertical="bottom", no_wrap=True)
    for number, texts in enumerate(rows):
        table.add_row(*texts, end_section=number in ends)
    # In a pipe no line is wrapped or cut.
    Console(width=None if _seen() else _PIPE_WIDTH, highlight=False).print(table)
