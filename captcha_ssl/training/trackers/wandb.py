"""The curves of a run for Weights & Biases, kept in RUN/wandb until its user uploads them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from captcha_ssl.training.run_directory import Curves, RunDirectory
from captcha_ssl.training.trackers.identity import PROJECT, run_id


@contextmanager
def wandb(run: RunDirectory, first: int) -> Iterator[Curves]:
    """Log offline, unless WANDB_MODE in the environment says otherwise.

    `wandb sync RUN/wandb/offline-*` uploads it. A resumed run keeps its name and logs only steps
    beyond `first`. Raises ImportError when wandb is not installed.
    """
    import wandb as package

    mode: Any = os.environ.get("WANDB_MODE", "offline")
    name = run_id(run.path)
    logged = package.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        id=name,
        name=run.path.name,
        dir=str(run.path),
        mode=mode,
        resume="allow",
        config=run.config(),
        settings=package.Settings(silent=True),
    )
    try:
        yield lambda step, figures: logged.log(figures, step=step)
    finally:
        logged.finish()
