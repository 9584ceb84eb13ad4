"""The training loop, one for every stage: fetch, forward, backward, step, measure, save."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from captcha_ssl.errors import DivergedError, UserError
from captcha_ssl.interruption import StopRequests
from captcha_ssl.launch import rank
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.training.batches import BatchOrder, step_seed
from captcha_ssl.training.checkpoint import load_state, read_origin, save_state
from captcha_ssl.training.determinism import determinism
from captcha_ssl.training.device import resolve_device, resolve_precision
from captcha_ssl.training.distributed import (
    any_rank,
    averaged,
    of_every_rank,
    own_of,
    own_share,
    shared,
)
from captcha_ssl.training.memory import advice_on_memory
from captcha_ssl.training.optimizer import build_optimizer, cosine_factor, set_learning_rate
from captcha_ssl.training.origin import Origin, arithmetic, check_origin
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.trackers import tracked

_SHOWN = ("effective_rank",)
"""What an observer is told of the inspected figures: the one that tells of a collapse."""


class Task(Protocol):
    """What the loop trains: an nn.Module that turns a batch into losses and figures."""

    def __call__(self, batch: Any, progress: float) -> dict[str, Tensor]:
        """Scalar tensors by name; `loss` among them is minimized, the others are logged."""
        ...

    def after_step(self, progress: float) -> None:
        """What happens once the optimizer has stepped."""
        ...


@dataclass(frozen=True)
class Progress:
    """What an observer of the loop is told at every logged step."""

    step: int
    steps: int
    figures: Mapping[str, float]
    images_per_second: float


Observer = Callable[[Progress], None]
History = list[dict[str, float]]
"""The logged figures, `step` among them, oldest first."""
Inspector = Callable[[int], dict[str, float]]
"""Figures to add to the line of a logged step; a function of the weights alone."""


def train(
    task: Any,
    groups: list[dict[str, Any]],
    fetch: Callable[[Tensor], Any],
    count: int,
    steps: int,
    settings: LoopSettings,
    *,
    run: RunDirectory | None = None,
    data: Mapping[str, str] | None = None,
    observe: Observer | None = None,
    inspect: Inspector | None = None,
    enough: Callable[[History], bool] = lambda history: False,
) -> History:
    """Train `task` (already on its device) for `steps` steps; return the logged figures.

    Several ranks share out every batch, and figures are means over them; the first alone writes.

    `groups` are its parameter groups with their peak rates. `fetch` turns int64 indices `[B]`
    below `count` into the batch the task takes. Training ends early when `enough` says so of what
    was logged so far: a pure function, for a resumed run asks it too. With a run directory the
    state is saved there and, where one is found, training goes on from it: the result is bit for
    bit that of an unbroken run on the same machine. `data` says what is learned from, and is kept
    in the state.
    Raises DivergedError on a loss that is not finite, UserError
    when a step does not fit into memory or the state found was made from other `data`,
    KeyboardInterrupt (with the state saved) on Ctrl-C, SIGTERM or SIGHUP.
    """
    device = resolve_device(settings.device)
    precision = resolve_precision(settings.precision, device)
    autocast = torch.autocast(device.type, precision, enabled=precision != torch.float32)
    optimizer = build_optimizer(groups)
    order, own = (
        BatchOrder(count, settings.batch_size, settings.seed),
        own_share(settings.batch_size),
    )
    meter = _Meter(settings, steps, run, observe, inspect)
    origin = Origin(dict(data or {}), arithmetic(device, precision))
    first = _restore(task, optimizer, run, meter, origin)
    called = shared(task, device)
    if run:
        run.log(f"training from step {first} to {steps} on {device} in {precision}")
    task.train()
    with (
        determinism(settings.deterministic),
        tracked(run, settings.tracker, first),
        _stop_requests(run) as stop,
    ):
        for step in range(first, first if enough(meter.history) else steps):
            began = time.monotonic()
            set_learning_rate(optimizer, cosine_factor(step, steps, settings.warmup))
            torch.manual_seed(step_seed(settings.seed, step, rank()))
            batch, progress = fetch(order(step)[own]), step / steps
            figures = _step(task, called, batch, optimizer, progress, autocast, settings)
            last = meter.add(step, figures) and enough(meter.history) or step + 1 == steps
            due = (step + 1) % settings.checkpoint_every == 0 or last
            stopping = any_rank(stop is not None and stop.asked())
            if run and (due or stopping):
                meter.totals(step)
                running = meter.running()
                if run.writes:
                    save_state(run.state_file, step + 1, task, optimizer, running, origin)
            if stopping:
                raise KeyboardInterrupt(_stopped(step + 1, run))
            if last:
                break
            if stop is not None:
                # As long as this step and one like it take, when that is long.
                stop.needs(2 * (time.monotonic() - began))
    if run:
        run.log("finished")
    if not meter.history or "loss" not in meter.history[-1]:
        # Nothing was left to do, and what had been measured is gone.
        raise UserError("the metrics of this finished run are damaged; start a new --out")
    return meter.history


def _stop_requests(run: RunDirectory | None) -> AbstractContextManager[StopRequests | None]:
    """Without a run there is nothing to save, and nothing to wait for."""
    return nullcontext() if run is None else StopRequests()


def _stopped(step: int, run: RunDirectory | None) -> str:
    return f"stopped at step {step}; go on with --out {run.path} --resume" if run else ""


def _restore(
    task: nn.Module,
    optimizer: torch.optim.Optimizer,
    run: RunDirectory | None,
    meter: _Meter,
    origin: Origin,
) -> int:
    if run is None:
        return 0
    if not run.state_file.exists():
        if (run.path / FILE_NAME).exists():
            raise UserError(
                f"{run.path}: holds a finished model, but {run.state_file} is gone; choose a new "
                "--out"
            )
        # Killed before the first state was saved: what was measured is measured again.
        run.forget_after(0)
        return 0
    check_origin(run.path, read_origin(run.state_file), origin)
    step, running = load_state(run.state_file, task, optimizer)
    run.forget_after(step)
    meter.restore(running, run.metrics())
    return step


def _step(
    task: Any,
    called: Any,
    batch: Any,
    optimizer: torch.optim.Optimizer,
    progress: float,
    autocast: AbstractContextManager[Any],
    settings: LoopSettings,
) -> dict[str, Tensor]:
    with advice_on_memory(settings.batch_size):
        with autocast:
            figures: dict[str, Tensor] = called(batch, progress)
        optimizer.zero_grad(set_to_none=True)
        figures["loss"].backward()  # type: ignore[no-untyped-call]
    if settings.clip:
        nn.utils.clip_grad_norm_(task.parameters(), settings.clip)
    optimizer.step()
    task.after_step(progress)
    return {name: figure.detach() for name, figure in figures.items()}


class _Meter:
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

        Not their mean: an unbroken run takes that once, at the end of the interval.
        """
        sums = of_every_rank(self.sums)
        return {"count": torch.tensor(self.count), **{f"sum.{k}": v for k, v in sums.items()}}

    def restore(self, running: dict[str, Tensor], history: History) -> None:
        """Take up an interval where `running` left it."""
        self.history = history
        self.count = int(running.pop("count"))
        self.sums = {name.removeprefix("sum."): own_of(sums) for name, sums in running.items()}

    def add(self, step: int, figures: dict[str, Tensor]) -> bool:
        """Take in the figures of a step; whether they were logged with it."""
        for name, figure in figures.items():
            # Taken out first: those of a saved state are in another order than the figures.
            before = self.sums.pop(name, None)
            self.sums[name] = figure if before is None else figure + before.to(figure)
        self.count += 1
        due = (step + 1) % self.settings.log_every == 0 or step + 1 == self.steps
        if due:
            self.write(step)
        return due

    def totals(self, step: int) -> dict[str, Tensor]:
        """The sums as means over the ranks. Raises DivergedError where the loss is not finite."""
        totals = averaged(self.sums)
        loss = totals.get("loss")
        if loss is not None and not math.isfinite(loss.item()):
            raise DivergedError(
                f"the loss is not finite at step {step + 1}; the last saved state is kept; "
                "lower lr, or use --set precision=fp32"
            )
        return totals

    def write(self, step: int) -> None:
        totals = self.totals(step)
        means = {name: (total / self.count).item() for name, total in totals.items()}
        now = time.perf_counter()
        rate = self.count * self.settings.batch_size / max(now - self.since, 1e-9)
        self.sums, self.count = {}, 0
        figures = means | (self.inspect(step + 1) if self.inspect else {})
        # As they will be read back: a resumed run must come to the same history.
        figures = {name: round(figure, 6) for name, figure in figures.items()}
        self.history.append({"step": step + 1, **figures})
        if self.run:
            self.run.metric(step + 1, figures)
        if self.observe:
            shown = means | {name: figures[name] for name in _SHOWN if name in figures}
            self.observe(Progress(step + 1, self.steps, shown, rate))
        self.since = time.perf_counter()
