"""A progress bar on stderr, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from captcha_ssl.cli.streams import terminal_restored


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield `progress(done, total)`; nothing shows when `quiet` or when stderr is no terminal."""
    # rich takes a while to import: only for somebody who looks.
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    # Left to itself, rich would send what is printed on stdout to this console.
    with (
        terminal_restored(),
        Progress(console=console, transient=True, redirect_stdout=False) as bar,
    ):
        task = bar.add_task(label)
        yield lambda done, total: bar.update(task, completed=done, total=total)
