"""The progress of a training on stderr: a bar on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from captcha_ssl.cli.streams import say_on_stderr, terminal_restored
from captcha_ssl.duration import duration

if TYPE_CHECKING:
    from captcha_ssl.training.meter import Observer, StepReport

_SECONDS_BETWEEN_LINES = 10.0
_INTERVALS = 6
"""The number of latest logged steps for the rate: other work on the machine changes it."""


@contextmanager
def training_progress(stage: str, *, quiet: bool, perhaps: bool = False) -> Iterator[Observer]:
    """Yield an observer for the training loop; it prints nothing if `quiet`.

    A bar is there at once, or from the first figures on if there is `perhaps` no training.
    """
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar(stage, perhaps=perhaps) as observe:
            yield observe
    else:
        yield _lines(stage)


def figures_line(progress: StepReport) -> str:
    """The figures of a logged step in one line."""
    figures = "  ".join(f"{name} {value:.3f}" for name, value in progress.figures.items())
    return f"{figures}  {progress.images_per_second:,.0f} images/s"


class TimeLeft:
    """Estimates the remaining seconds of a training from its latest steps.

    The first logged steps do not count: they load, compile and fill caches. Several trainings may
    follow each other.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque(maxlen=_INTERVALS + 1)

    def __call__(self, step: int, steps: int, now: float) -> float | None:
        """Note the time of a step; returns None before a rate is known."""
        if self._seen and step <= self._seen[-1][0]:
            self._seen.clear()
        self._seen.append((step, now))
        (first, since), (last, until) = self._seen[0], self._seen[-1]
        return (until - since) / (last - first) * (steps - last) if last > first else None


def left_words(seconds: float | None) -> str:
    """The remaining time in words; empty if it is unknown or zero."""
    return f"  about {duration(seconds)} left" if seconds else ""


def _lines(stage: str) -> Callable[[StepReport], None]:
    last = 0.0
    left = TimeLeft()

    def observe(progress: StepReport) -> None:
        nonlocal last
        now = time.monotonic()
        seconds = left(progress.step, progress.steps, now)
        if now - last < _SECONDS_BETWEEN_LINES and progress.step < progress.steps:
            return
        last = now
        place = f"{stage} {progress.step}/{progress.steps}"
        say_on_stderr(f"{place}  {figures_line(progress)}{left_words(seconds)}")

    return observe


@contextmanager
def _bar(stage: str, *, perhaps: bool) -> Iterator[Callable[[StepReport], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[figures]}"),
    )
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, redirect_stdout=False)
    with terminal_restored():
        task = bar.add_task(stage, total=None, figures="")
        left = TimeLeft()

        def observe(progress: StepReport) -> None:
            bar.start()
            seconds = left(progress.step, progress.steps, time.monotonic())
            words = f"{figures_line(progress)}{left_words(seconds)}"
            bar.update(task, completed=progress.step, total=progress.steps, figures=words)

        if not perhaps:
            bar.start()
        try:
            yield observe
        finally:
            bar.stop()
