"""The metrics of a training: means of the figures between two logged steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captcha_ssl.errors import DivergedError
from captcha_ssl.training.distributed import averaged, of_every_rank, own_of
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings

_SHOWN = ("effective_rank",)
"""The inspected figure that observers get too: it shows a collapse."""


@dataclass(frozen=True)
class StepReport:
    """The data for an observer of the loop at every logged step."""

    step: int
    steps: int
    figures: Mapping[str, float]
    images_per_second: float


Observer = Callable[[StepReport], None]
History = list[dict[str, float]]
"""The logged figures, `step` among them, oldest first."""
Inspector = Callable[[int], dict[str, float]]
"""Figures to add to the line of a logged step; a function of the weights alone."""


class Meter:
    """Means of the figures between two logged steps, without a host synchronization per step."""

    def __init__(
        self,
        settings: LoopSettings,
        steps: int,
        run: RunDirectory | None,
        observe: Observer | None,
        inspect: Inspector | None,
    ) -> None:
        self.settings, self.steps, self.run, self.observe = settings, steps, run, observe
        self.inspect = inspect
        self.history: History = []
        self.sums: dict[str, Tensor] = {}
        self.count = 0
        self.since = time.perf_counter()

    def running(self) -> dict[str, Tensor]:
        """The sums of an unfinished interval on every rank, for the saved state.

        Not their mean: an uninterrupted run takes that once, at the end of the interval.
        """
        sums = of_every_rank(self.sums)
        return {"count": torch.tensor(self.count), **{f"sum.{k}": v for k, v in sums.items()}}

    def restore(self, running: dict[str, Tensor], history: History) -> None:
        """Continue an interval where `running` left it."""
        self.history = history
        self.count = int(running.pop("count"))
        self.sums = {name.removeprefix("sum."): own_of(sums) for name, sums in running.items()}

    def add(self, step: int, names: Sequence[str], figures: Tensor) -> bool:
        """Add the figures `[len(names)]` of a step; returns whether they were logged with it."""
        for name, figure in zip(names, figures.unbind(), strict=True):
            # Remove them first: a saved state has them in another order.
            before = self.sums.pop(name, None)
            # A copy: the next step may write its figures to the same place.
            self.sums[name] = figure.clone() if before is None else figure + before.to(figure)
        self.count += 1
        due = (step + 1) % self.settings.log_every == 0 or step + 1 == self.steps
        if due:
            self.write(step)
        return due

    def totals(self, step: int) -> dict[str, Tensor]:
        """The means over steps and ranks. Raises DivergedError if the loss is not finite."""
        totals = averaged(self.sums)
        loss = totals.get("loss")
        if loss is not None and not math.isfinite(loss.item()):
            raise DivergedError(
                f"the loss is not finite at step {step + 1}; the last saved state is kept; "
                "lower lr, or use --set precision=fp32"
            )
        return totals

    def check_finite(self, step: int) -> None:
        """Raises DivergedError if the loss is not finite: such a state must not be saved."""
        self.totals(step)

    def write(self, step: int) -> None:
        totals = self.totals(step)
        means = {name: (total / self.count).item() for name, total in totals.items()}
        now = time.perf_counter()
        rate = self.count * self.settings.batch_size / max(now - self.since, 1e-9)
        self.sums, self.count = {}, 0
        figures = means | (self.inspect(step + 1) if self.inspect else {})
        # Rounded as in metrics.jsonl: a resumed run reads its history from there.
        figures = {name: round(figure, 6) for name, figure in figures.items()}
        self.history.append({"step": step + 1, **figures})
        if self.run:
            self.run.metric(step + 1, figures)
        if self.observe:
            shown = means | {name: figures[name] for name in _SHOWN if name in figures}
            self.observe(StepReport(step + 1, self.steps, shown, rate))
        self.since = time.perf_counter()
