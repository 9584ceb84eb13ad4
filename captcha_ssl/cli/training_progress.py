"""Progress of a training on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from captcha_ssl.cli.streams import terminal_restored

if TYPE_CHECKING:
    from captcha_ssl.training.meter import Observer, StepReport

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def training_progress(stage: str, *, quiet: bool) -> Iterator[Observer]:
    """Yield an observer for the training loop; it says nothing when `quiet`."""
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar(stage) as observe:
            yield observe
    else:
        yield _lines(stage)


def figures_line(progress: StepReport) -> str:
    """The figures of a logged step in one line."""
    figures = "  ".join(f"{name} {value:.3f}" for name, value in progress.figures.items())
    return f"{figures}  {progress.images_per_second:,.0f} images/s"


def _lines(stage: str) -> Callable[[StepReport], None]:
    last = 0.0

    def observe(progress: StepReport) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN_LINES and progress.step < progress.steps:
            return
        last = now
        place = f"{stage} {progress.step}/{progress.steps}"
        print(f"{place}  {figures_line(progress)}", file=sys.stderr, flush=True)

    return observe


@contextmanager
def _bar(stage: str) -> Iterator[Callable[[StepReport], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    console = Console(stderr=True)
    with (
        terminal_restored(),
        Progress(*columns, console=console, redirect_stdout=False) as bar,
    ):
        task = bar.add_task(stage, total=None, figures="")
        yield lambda p: bar.update(task, completed=p.step, total=p.steps, figures=figures_line(p))
