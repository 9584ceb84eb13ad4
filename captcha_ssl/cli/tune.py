"""`captcha-ssl tune`: search for the best recipe on these images."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captcha_ssl.cli.loading import load
from captcha_ssl.cli.options import Cluster, Out, Quiet, run_folder
from captcha_ssl.cli.streams import say_on_stderr, terminal_restored
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from captcha_ssl.tuning.config import TuneConfig
    from captcha_ssl.tuning.results import SearchResults
    from captcha_ssl.tuning.trial import Outcome
    from captcha_ssl.tuning.tune import TuneListener

_UNITS = {"h": 3600, "m": 60, "s": 1}
_SHOWN = 6
"""Recipes in the table on a terminal."""


def tune_command(
    config: TuneConfig,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Images to learn from.")],
    labeled: Annotated[
        Path | None,
        typer.Argument(
            metavar="LABELED", help="Labels to score recipes; if absent, those of DATA."
        ),
    ] = None,
    out: Out = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIME", help="Time limit: 90s, 30m, 1h30m.")
    ] = "30m",
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            metavar="N",
            min=0,
            help="Parallel trials; 0: one per core, or as many as the GPU has memory for.",
        ),
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the search in --out, for another --budget.")
    ] = False,
    cluster: Cluster = None,
    quiet: Quiet = False,
) -> None:
    """Search for the best recipe on your images.

    Example: captcha-ssl tune pile/ pile/labeled.csv --out runs/tune --budget 30m

    Tries recipes: the start, the method, its crops, views and loss, the fine-tuning. The score is
    the character error rate on held-out labels. Without LABELED, the test images of benchmark are
    left out.

    Prints the path of recipe.toml, a --config file for pretrain, finetune and benchmark. Beside it
    is report.html. Needs pip install 'captcha-ssl[tune]'.
    """
    until = time.monotonic() + seconds(budget)
    folder = run_folder(out)

    from captcha_ssl.tuning.tune import RECIPE, tune
    from captcha_ssl.workers.cluster import on_cluster

    command = shlex.join(["captcha-ssl", *(a for a in sys.argv[1:] if a != "--resume")])
    try:
        with on_cluster(cluster), _progress(until, quiet=quiet) as listener:
            results = tune(
                config,
                data,
                folder,
                labeled,
                until=until,
                jobs=jobs,
                resume=resume,
                listener=listener,
                load=partial(load, quiet=quiet),
                command=command,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; continue with --out {folder} --resume") from None
    if not quiet:
        print(results.summary, file=sys.stderr)
        print(f"report: {folder / 'report.html'}", file=sys.stderr)
    typer.echo(folder / RECIPE)


def seconds(text: str) -> float:
    """The seconds of a time such as 90s, 30m or 1h30m. Raises UserError for anything else."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip().lower())
    total = sum(
        int(count or 0) * unit
        for count, unit in zip(found.groups() if found else (), _UNITS.values(), strict=False)
    )
    if not total:
        raise UserError(f"--budget {text}: not a time; write 90s, 30m or 1h30m")
    return float(total)


@contextmanager
def _progress(until: float, *, quiet: bool) -> Iterator[TuneListener]:
    """Yield what shows messages and the results after every outcome, a line or a table."""
    from captcha_ssl.tuning.tune import UNHEARD, TuneListener

    if quiet:
        yield UNHEARD
    elif not sys.stderr.isatty():

        def show_line(results: SearchResults, outcome: Outcome) -> None:
            say_on_stderr(_line(results, outcome, until))

        yield TuneListener(say_on_stderr, show_line)
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        # Left to itself, rich would send what is printed on stdout to this console.
        with (
            terminal_restored(),
            Live(console=console, transient=True, redirect_stdout=False) as live,
        ):

            def show_table(results: SearchResults, outcome: Outcome) -> None:
                live.update(_table(results, _line(results, outcome, until)))

            yield TuneListener(console.print, show_table)


def _line(results: SearchResults, outcome: Outcome, until: float) -> str:
    """The outcome of a recipe, the best so far, and the time left."""
    from captcha_ssl.duration import duration

    trial = next(t for t in results.tried if t.number == outcome.number)
    best = results.best
    came_to = outcome.problem or f"CER {outcome.cer:.1%}, {duration(outcome.seconds)}"
    left = duration(max(0.0, until - time.monotonic()))
    return (
        f"[{outcome.number}] {results.named(trial)}, rung {outcome.rung + 1} of "
        f"{results.config.tune.rungs}: {came_to}; best [{best.number}] {results.named(best)} "
        f"{results.figure(best)}; {left} left"
    )


def _table(results: SearchResults, line: str) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head in ("trial", "recipe", "rung", "CER"):
        table.add_column(head, justify="left" if head == "recipe" else "right", no_wrap=True)
    for trial in results.ranked[:_SHOWN]:
        error = f"{trial.last.cer:.1%}" if not trial.last.problem else "–"
        table.add_row(str(trial.number), results.named(trial), str(trial.last.rung + 1), error)
    return Group(table, Text(line, overflow="ellipsis", no_wrap=True))
