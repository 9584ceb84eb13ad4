"""A step whose operations are recorded once and replayed: on a GPU as one CUDA graph.

Python then launches one graph per step instead of hundreds of kernels. What changes between steps
is in tensors with fixed addresses: the batch, the rates of the optimizer, the progress. Random
numbers come from torch's default generator, which a graph reads at each replay; seeded before each
step, it draws the same numbers as without a graph.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from captcha_ssl.errors import UserError
from captcha_ssl.models.ranks import world_size
from captcha_ssl.models.task import Task
from captcha_ssl.notice import Say
from captcha_ssl.training.distributed import shared
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.step import Step

REHEARSALS = 3
"""Steps before the recorded one: they load kernels, and create the state of the optimizer."""

COMPILED_FROM = 20_000_000
"""Images from which compiling pays on a GPU: it takes 37 s there, which a third less for each step
makes up for after 14 million (docs/results/gpu.md)."""

Work = Callable[[], Tensor]


class Recorder(Protocol):
    """Records the operations of a function on the device, and replays them."""

    def rehearse(self, work: Work) -> tuple[Tensor, str]:
        """Run `work` as it will be recorded: its result, and why it cannot be recorded or ''."""
        ...

    def record(self, work: Work) -> Tensor:
        """Record `work` without changing any tensor; returns the tensor that a replay fills.

        Raises RuntimeError for what cannot be recorded.
        """
        ...

    def replay(self) -> None:
        """Replay the recording on the same tensors."""
        ...


class CapturedStep:
    """`step` on tensors with fixed addresses, recorded after some rehearsals.

    Every call trains one step. Without a recorder, or if recording fails, Python runs the
    operations each time, with the same results.
    """

    def __init__(
        self,
        step: Step,
        recorder: Recorder | None,
        device: torch.device,
        say: Say,
    ) -> None:
        """`say` gets one line if nothing is recorded."""
        self.step, self.recorder, self.say = step, recorder, say
        self.progress = torch.zeros((), dtype=torch.float64, device=device)
        self.batch: Any = None
        self.left = REHEARSALS
        self.figures: Tensor | None = None
        step.task.set_recorded(recorder is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the figures, after the first step."""
        return self.step.names

    def __call__(self, batch: Any, progress: float) -> Tensor:
        """The figures of the step, float32 `[len(names)]`; the next call may overwrite them."""
        self._take(batch, progress)
        if self.recorder is None:
            return self._work()
        if self.figures is not None:
            self.recorder.replay()
            return self.figures
        if self.left:
            self.left -= 1
            figures, why = self.recorder.rehearse(self._work)
            if why and not self.left:
                self._give_up(why)
            return figures
        return self._record(self.recorder)

    def _record(self, recorder: Recorder) -> Tensor:
        try:
            self.figures = recorder.record(self._work)
        except (RuntimeError, UserError) as error:
            self._give_up(str(error).splitlines()[0])
            return self._work()
        recorder.replay()
        return self.figures

    def _work(self) -> Tensor:
        return self.step(self.batch, self.progress)

    def _take(self, batch: Any, progress: float) -> None:
        self.progress.fill_(progress)
        if self.batch is None:
            self.batch = pytree.tree_map(torch.clone, batch)
            return
        for kept, given in zip(
            pytree.tree_leaves(self.batch), pytree.tree_leaves(batch), strict=True
        ):
            kept.copy_(given, non_blocking=True)

    def _give_up(self, why: str) -> None:
        self.recorder = None
        self.step.task.set_recorded(False)
        self.say(f"the step is not captured: {why}")


class CudaGraph:
    """The recorder of a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.graph = torch.cuda.CUDAGraph()

    def rehearse(self, work: Work) -> tuple[Tensor, str]:
        """On a separate stream, as torch requires; detects operations that wait for the device."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        before = torch.cuda.get_sync_debug_mode()
        with torch.cuda.stream(self.stream), warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                figures = work()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        current.wait_stream(self.stream)
        waits = any("synchronizing CUDA operation" in str(one.message) for one in seen)
        return figures, "it waits for the device" if waits else ""

    def record(self, work: Work) -> Tensor:
        """Raises RuntimeError for an operation that no graph can hold."""
        current = torch.cuda.current_stream(self.device)
        try:
            with torch.cuda.graph(self.graph, stream=self.stream):
                return work()
        except BaseException:
            # If ending the recording fails too, torch does not restore the stream.
            torch.cuda.set_stream(current)
            self._free_generator()
            raise

    def replay(self) -> None:
        """Start the graph without waiting for its end."""
        self.graph.replay()

    def _free_generator(self) -> None:
        """Give torch's generator its own state again.

        After a failed recording it still belongs to the graph, and refuses to draw.
        """
        index = self.device.index
        index = torch.cuda.current_device() if index is None else index
        generator = torch.cuda.default_generators[index]
        fresh = torch.Generator(self.device).manual_seed(generator.initial_seed())
        generator.graphsafe_set_state(fresh.graphsafe_get_state())


def recorder_for(device: torch.device) -> Recorder | None:
    """The recorder of a device, or None if it has none."""
    return CudaGraph(device) if device.type == "cuda" else None


def compiled_if_long(settings: LoopSettings, steps: int, device: torch.device) -> LoopSettings:
    """`settings` with `compile=on` instead of `auto` if `steps` steps on a GPU are long enough.

    Not with several ranks, and not with `deterministic`: compiled sums may add in any order.
    """
    fits = device.type == "cuda" and world_size() == 1 and not settings.deterministic
    long = steps * settings.batch_size >= COMPILED_FROM
    if settings.compile == "auto" and fits and long:
        return settings.replace(compile="on")
    return settings


def on_tensors(compile: str, device: torch.device) -> bool:
    """Whether the setting asks for steps on tensors with fixed addresses.

    Not with several ranks: they communicate between the operations of a step.
    """
    if compile == "off" or world_size() > 1:
        return False
    return compile == "on" or recorder_for(device) is not None


def build_step(
    task: Task,
    optimizer: torch.optim.Optimizer,
    autocast: AbstractContextManager[Any],
    settings: LoopSettings,
    device: torch.device,
    say: Say,
) -> Step | CapturedStep:
    """What the loop calls with a batch and the progress.

    The optimizer must have its rates in tensors if `on_tensors` is true.
    """
    called: Callable[..., dict[str, Tensor]] = shared(task, device)
    static = on_tensors(settings.compile, device)
    if settings.compile == "on" and not static:
        say("the step is not compiled: several ranks train together")
    if settings.compile == "on" and static:
        # A compiler takes a second to import.
        from captcha_ssl.training.compiled_task import compiled

        called = compiled(task, say)
    step = Step(task, called, optimizer, autocast, settings.clip, settings.batch_size)
    return CapturedStep(step, recorder_for(device), device, say) if static else step
