"""The curves of a run for Trackio, which keeps them in files of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from captcha_ssl.training.run_directory import Curves, RunDirectory
from captcha_ssl.training.trackers.identity import PROJECT, run_id


@contextmanager
def trackio(run: RunDirectory, first: int) -> Iterator[Curves]:
    """Log into Trackio's own folder (TRACKIO_DIR); `trackio show` draws it.

    A resumed run goes on under the same name. Raises ImportError when Trackio is not installed.
    """
    import trackio as package

    package.init(
        project=os.environ.get("TRACKIO_PROJECT", PROJECT),
        name=f"{run.path.name}-{run_id(run.path)}",
        config=run.config(),
        resume="allow",
    )
    try:
        yield lambda step, figures: package.log(figures, step=step)
    finally:
        package.finish()
