"""The curves of a run for TensorBoard, besides metrics.jsonl. Needs the extra `tensorboard`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from captcha_ssl.errors import UserError
from captcha_ssl.training.run_directory import RunDirectory

FOLDER = "tensorboard"


@contextmanager
def tensorboard_curves(run: RunDirectory | None, wanted: bool, first: int) -> Iterator[None]:
    """Draw what the run measures from step `first` on into RUN/tensorboard, if `wanted`.

    A resumed run purges there what had been drawn beyond the state it goes on from. Raises
    UserError when TensorBoard is not installed.
    """
    if run is None or not wanted or not run.writes:
        yield
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "tensorboard is not installed; run pip install 'captcha-ssl[tensorboard]'"
        ) from error
    with SummaryWriter(str(run.path / FOLDER), purge_step=first + 1) as writer:

        def draw(step: int, figures: dict[str, float]) -> None:
            for name, figure in figures.items():
                writer.add_scalar(name, figure, step)

        run.curves = draw
        try:
            yield
        finally:
            run.curves = None
