"""Runs tasks in worker processes of this machine; this side starts them and hears from them."""

from __future__ import annotations

import math
import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, reduction, resource_tracker
from typing import Any

from captcha_ssl.errors import UserError
from captcha_ssl.interruption import SIGNALS, WORKER_PATIENCE, AtTheEnd, HeldBack
from captcha_ssl.lock import held_locks
from captcha_ssl.notice import Say, silent
from captcha_ssl.workers.contract import Item, Result
from captcha_ssl.workers.large_arrays import Pickled
from captcha_ssl.workers.worker_process import LINE, RESULT, work

_HOLDS = 2
"""The number of `brief` tasks per worker: the next one is ready when one is done."""
_GRACE = WORKER_PATIENCE + 1.0
"""Seconds between asking the workers to end and killing the rest."""
_HEARSAY = 0.3
"""Seconds that a signal to a process group may reach this process later than a worker."""


class Processes:
    """Runs tasks in worker processes of this machine; `function` and tasks must be picklable.

    `function` is sent once to each worker. A script that uses this needs the usual `if __name__ ==
    "__main__":`. The workers share the locks of this process and end with it, however it ends: a
    signal ends both, and a training in a worker first saves its state.
    """

    def __init__(
        self, count: int, setting: str, prepare: Callable[[], object], brief: bool = False
    ) -> None:
        self._count, self._setting, self._prepare = count, setting, prepare
        self._holds = _HOLDS if brief else 1

    def each(
        self,
        function: Callable[[Item, Say], Result],
        tasks: Iterable[Item],
        *,
        say: Say = silent,
        ordered: bool = True,
        until: float = math.inf,
    ) -> Generator[Result, None, None]:
        """As `Workers.each`."""
        crew = _Crew(self._holds, say, ordered, until)
        with AtTheEnd(crew.stop):
            try:
                crew.start(self._count, function, self._prepare)
                yield from crew.results(tasks)
                crew.dismiss()
            except _LostError as error:
                # After a signal to all processes, this one ends here by its own handler.
                time.sleep(_HEARSAY)
                raise UserError(
                    f"a worker process {error}, perhaps for lack of memory; try fewer "
                    f"{self._setting}"
                ) from error
            finally:
                crew.stop()


class _LostError(Exception):
    """A worker has died, or is out of memory."""


class _Worker:
    """The parent's view of a worker process."""

    def __init__(self) -> None:
        self.wire, its_end = multiprocessing.Pipe()
        # Spawned, not forked: a forked copy of a process with threads (a progress bar, OpenCV,
        # torch) may wait forever for a lock that none of its threads holds.
        self.process = multiprocessing.get_context("spawn").Process(
            target=work, args=(its_end, [_Lock(number) for number in held_locks()])
        )
        self.tasks: deque[int] = deque()
        """The numbers of its tasks."""
        try:
            self.process.start()
        finally:
            its_end.close()

    def send(self, message: Any) -> None:
        with _lost_if_gone():
            self.wire.send(message)

    def send_bytes(self, message: bytes | memoryview) -> None:
        with _lost_if_gone():
            self.wire.send_bytes(message)

    def receive(self) -> tuple[int, Any]:
        with _lost_if_gone():
            kind, content = self.wire.recv()
        return kind, content


class _Crew:
    """The workers, their tasks and their results."""

    def __init__(self, holds: int, say: Say, ordered: bool, until: float) -> None:
        self._holds, self._say, self._ordered, self._until = holds, say, ordered, until
        self._workers: list[_Worker] = []
        self._done: dict[int, Any] = {}
        self._order: Pickled | None = None

    def start(self, count: int, function: Callable[..., Any], prepare: Callable[..., Any]) -> None:
        """Start the processes and send them the function."""
        # Start it now: during the start of a worker it would unblock signals again.
        resource_tracker.ensure_running()
        for _ in range(count):
            # A signal in between would leave a worker running that is not registered yet, or end a
            # worker with a traceback that is not set up yet.
            with HeldBack(), _signals_blocked():
                self._workers.append(_Worker())
        self._order = Pickled((sys.path, function, prepare))
        for worker in self._workers:
            worker.send_bytes(self._order.message)

    def results(self, tasks: Iterable[Any]) -> Iterator[Any]:
        """The results in the order of the tasks, with a limited number of tasks ahead.

        Or in the order in which they come, all that are there before the next task is drawn.
        """
        coming = enumerate(tasks)
        given = yielded = 0
        ahead = (self._holds + 1) * len(self._workers)
        exhausted = False
        while time.monotonic() < self._until:
            if self._done and not self._ordered:
                yield self._done.pop(next(iter(self._done)))
                yielded += 1
                continue
            for worker in self._free():
                if exhausted or given - yielded >= ahead:
                    break
                number, task = next(coming, (-1, None))
                exhausted = number < 0
                if not exhausted:
                    worker.tasks.append(number)
                    worker.send(task)
                    given += 1
            if yielded in self._done:
                yield self._done.pop(yielded)
                yielded += 1
            elif exhausted and yielded == given:
                return
            else:
                self._listen()

    def _free(self) -> Iterator[_Worker]:
        """Workers with room for another task, the least busy first."""
        for held in range(self._holds):
            for worker in self._workers:
                if len(worker.tasks) == held:
                    yield worker

    def _listen(self) -> None:
        """Wait for messages, at most until the end, and take them in."""
        by_wire = {worker.wire: worker for worker in self._workers}
        left = None if self._until == math.inf else max(0.0, self._until - time.monotonic())
        for wire in connection.wait(list(by_wire), left):
            worker = by_wire[wire]  # type: ignore[index]
            kind, content = worker.receive()
            if kind == LINE:
                self._say(content)
            elif kind == RESULT:
                self._done[worker.tasks.popleft()] = content
            elif isinstance(content, MemoryError):
                raise _LostError("ran out of memory") from content
            else:
                raise content

    def dismiss(self) -> None:
        """Tell idle workers that no task is left."""
        if any(worker.tasks for worker in self._workers):
            return
        for worker in self._workers:
            worker.wire.close()
        self._wait(_GRACE)

    def stop(self) -> None:
        """End all workers: trainings save their state, the others end at once."""
        for worker in self._workers:
            worker.process.terminate()
        self._wait(_GRACE)
        for worker in self._workers:
            worker.process.kill()
        self._wait(_GRACE)
        self._workers = []
        if self._order is not None:
            self._order.close()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for worker in self._workers:
            worker.process.join(max(0.0, until - time.monotonic()))


@contextmanager
def _lost_if_gone() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError) as error:
        raise _LostError("died") from error


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block signals while a worker starts; it inherits the block until it is set up."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Lock:
    """A descriptor that stays open in the worker."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return _inherited, (reduction.DupFd(self._descriptor),)


def _inherited(duplicate: Any) -> int:
    descriptor: int = duplicate.detach()
    return descriptor
