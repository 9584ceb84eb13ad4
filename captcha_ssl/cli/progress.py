"""A progress bar on stderr, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from captcha_ssl.cli.streams import terminal_restored


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield `progress(done, total)`; it shows nothing if `quiet` or if stderr is not a terminal."""
    # rich is slow to import: only for a terminal.
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    # By default rich redirects stdout to this console.
    with (
        terminal_restored(),
        Progress(console=console, transient=True, redirect_stdout=False) as bar,
    ):
        task = bar.add_task(label)
        yield lambda done, total: bar.update(task, completed=done, total=total)
