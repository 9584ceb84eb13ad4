"""The trackers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager

from captcha_ssl.errors import UserError
from captcha_ssl.training.run_directory import Curves, RunDirectory
from captcha_ssl.training.settings import NO_TRACKER
from captcha_ssl.training.trackers.tensorboard import tensorboard
from captcha_ssl.training.trackers.trackio import trackio
from captcha_ssl.training.trackers.wandb import wandb

Tracker = Callable[[RunDirectory, int], AbstractContextManager[Curves]]
TRACKERS: Mapping[str, Tracker] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "trackio": trackio,
}


@contextmanager
def tracked(run: RunDirectory | None, name: str, first: int) -> Iterator[None]:
    """Send the figures of the run from step `first` on to the tracker `name`.

    Raises UserError if its package is not installed.
    """
    if run is None or name == NO_TRACKER or not run.writes:
        yield
        return
    with ExitStack() as held:
        try:
            run.curves = held.enter_context(TRACKERS[name](run, first))
        except ImportError as error:
            raise UserError(
                f"{name} is not installed; run pip install 'captcha-ssl[{name}]'"
            ) from error
        try:
            yield
        finally:
            run.curves = None
