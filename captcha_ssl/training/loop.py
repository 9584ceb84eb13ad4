"""The training loop, one for every stage: fetch, forward, backward, step, measure, save."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.interruption import StopRequests
from captcha_ssl.launch import rank
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.models.task import Task
from captcha_ssl.notice import warn
from captcha_ssl.training.batches import Order, order_of_batches, step_seed
from captcha_ssl.training.captured_step import build_step, on_tensors
from captcha_ssl.training.checkpoint import load_state, read_origin, save_state
from captcha_ssl.training.device import determinism, resolve_device, resolve_precision
from captcha_ssl.training.distributed import any_rank, own_share
from captcha_ssl.training.meter import History, Inspector, Meter, Observer
from captcha_ssl.training.optimizer import build_optimizer, cosine_factor, set_learning_rate
from captcha_ssl.training.origin import Origin, arithmetic, check_origin
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.trackers import tracked


def train(
    task: Task,
    groups: list[dict[str, Any]],
    fetch: Callable[[Tensor], Any],
    order: int | Order,
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

    `groups` are its parameter groups with their peak learning rates. `fetch` turns the int64
    indices `[B]` that `order` gives for a step into the batch that the task takes; a number stands
    for the order of shuffled passes over so many images. Several ranks share each batch, and
    figures are means over them; only the first rank writes. Training ends early when `enough`
    says so of what was logged so far: a pure function, because a resumed run asks it too.

    With a run directory the state is saved there, and training resumes from a state found there:
    the result is byte-identical to that of an uninterrupted run on the same machine. `data`
    describes the training data and is kept in the state.

    Raises DivergedError on a loss that is not finite, UserError when a step does not fit into
    memory or the state found belongs to other `data`, KeyboardInterrupt (with the state saved) on
    Ctrl-C, SIGTERM or SIGHUP.
    """
    device = resolve_device(settings.device)
    precision = resolve_precision(settings.precision, device)
    autocast = torch.autocast(device.type, precision, enabled=precision != torch.float32)
    rates_on = device if on_tensors(settings.compile, device) else None
    optimizer = build_optimizer(groups, rates_on=rates_on)
    order = order_of_batches(order, settings.batch_size, settings.seed)
    own = own_share(settings.batch_size)
    meter = Meter(settings, steps, run, observe, inspect)
    origin = Origin(dict(data or {}), arithmetic(device, precision))
    first = _restore(task, optimizer, run, meter, origin)
    if run:
        run.log(f"training from step {first} to {steps} on {device} in {precision}")
    take = build_step(task, optimizer, autocast, settings, device, partial(_say, run))
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
            figures = take(batch, progress)
            logged = meter.add(step, take.names, figures)
            last = logged and enough(meter.history) or step + 1 == steps
            due = (step + 1) % settings.checkpoint_every == 0 or last
            stopping = any_rank(stop is not None and stop.asked())
            if run and (due or stopping):
                meter.check_finite(step)
                running = meter.running()
                if run.writes:
                    save_state(run.state_file, step + 1, task, optimizer, running, origin)
            if stopping:
                raise KeyboardInterrupt(_stopped(step + 1, run))
            if last:
                break
            if stop is not None:
                # Allow this step and another one to finish, if steps are long.
                stop.needs(2 * (time.monotonic() - began))
    if run:
        run.log("finished")
    if not meter.history or "loss" not in meter.history[-1]:
        # The run is finished, but its metrics are gone.
        raise UserError("the metrics of this finished run are damaged; start a new --out")
    return meter.history


def _say(run: RunDirectory | None, message: str) -> None:
    warn(message)
    if run:
        run.log(message)


def _stop_requests(run: RunDirectory | None) -> AbstractContextManager[StopRequests | None]:
    """Without a run there is nothing to save, and nothing to wait for."""
    return nullcontext() if run is None else StopRequests()


def _stopped(step: int, run: RunDirectory | None) -> str:
    return f"stopped at step {step}; continue with --out {run.path} --resume" if run else ""


def _restore(
    task: Task,
    optimizer: torch.optim.Optimizer,
    run: RunDirectory | None,
    meter: Meter,
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
        # Killed before the first saved state: start the metrics again.
        run.forget_after(0)
        return 0
    check_origin(run.path, read_origin(run.state_file), origin)
    step, running = load_state(run.state_file, task, optimizer)
    run.forget_after(step)
    meter.restore(running, run.metrics())
    return step
