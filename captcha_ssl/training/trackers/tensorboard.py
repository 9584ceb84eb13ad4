"""The curves of a run for TensorBoard, in RUN/tensorboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from captcha_ssl.training.run_directory import Curves, RunDirectory

FOLDER = "tensorboard"


@contextmanager
def tensorboard(run: RunDirectory, first: int) -> Iterator[Curves]:
    """Draw into RUN/tensorboard; what was drawn beyond step `first` is purged there.

    Raises ImportError when TensorBoard is not installed.
    """
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run.path / FOLDER), purge_step=first + 1) as writer:

        def draw(step: int, figures: dict[str, float]) -> None:
            for name, figure in figures.items():
                writer.add_scalar(name, figure, step)

        yield draw
