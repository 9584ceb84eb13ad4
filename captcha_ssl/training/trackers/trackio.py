"""The curves of a run for Trackio, which keeps them in files of this machine."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.training.run_directory import Curves, RunDirectory
from captcha_ssl.training.trackers.identity import PROJECT, run_id

DRAWN = "trackio.txt"
"""Holds the last step that Trackio received: it draws a repeated step twice."""


@contextmanager
def trackio(run: RunDirectory, first: int) -> Iterator[Curves]:
    """Log into Trackio's own folder (TRACKIO_DIR); `trackio show` draws it.

    A resumed run continues under the same name, with the steps that were not drawn yet. Raises
    ImportError when Trackio is not installed.
    """
    import trackio as package

    drawn = _last_drawn(run)
    # It speaks on stdout, where results go.
    with redirect_stdout(io.StringIO()):
        package.init(
            project=os.environ.get("TRACKIO_PROJECT", PROJECT),
            name=f"{run.path.name}-{run_id(run.path)}",
            config=run.config(),
            resume="allow",
        )

    def draw(step: int, figures: dict[str, float]) -> None:
        if step > drawn:
            package.log(figures, step=step)
            atomic_write_text(run.path / DRAWN, f"{step}\n")

    try:
        yield draw
    finally:
        with redirect_stdout(io.StringIO()):
            package.finish()


def _last_drawn(run: RunDirectory) -> int:
    try:
        return int((run.path / DRAWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
