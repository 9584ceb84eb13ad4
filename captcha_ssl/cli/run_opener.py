"""How a training opens its run directory, once nothing is left to refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captcha_ssl.data.sources import Rejected
    from captcha_ssl.training.run_directory import RunDirectory


def run_opener(
    held: ExitStack, folder: Path, config: str, rejected: Sequence[Rejected], *, resume: bool
) -> Callable[[], RunDirectory]:
    """A function that begins the run in `folder`, or goes on with it, until `held` is left.

    It notes the rows of the dataset that were left out, and raises UserError as `open_run` does.
    """
    from captcha_ssl.training.run_directory import open_run

    def begin() -> RunDirectory:
        run = held.enter_context(open_run(folder, config, resume=resume))
        run.note_rejected(rejected)
        return run

    return begin
