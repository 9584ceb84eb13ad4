"""Runs tasks in this process, in worker processes or on a cluster; results come in order.

`workers` chooses the kind. A kind only needs the method `each`.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, reduction, resource_tracker
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, NoReturn, Protocol, TypeVar

from captcha_ssl.errors import UserError
from captcha_ssl.interruption import (
    INTERRUPTED,
    SIGNALS,
    WORKER_PATIENCE,
    AtTheEnd,
    HeldBack,
    begin,
)
from captcha_ssl.lock import held_locks

Item = TypeVar("Item")
Result = TypeVar("Result")
Say = Callable[[str], None]
"""Receives a progress line."""

_HOLDS = 2
"""The number of `brief` tasks per worker: the next one is ready when one is done."""
_GRACE = WORKER_PATIENCE + 1.0
"""Seconds between asking the workers to end and killing the rest."""
_HEARSAY = 0.3
"""Seconds that a signal to a process group may reach this process later than a worker."""
_RESULT, _ERROR, _LINE = range(3)
"""The kinds of messages from a worker."""


def available_cores() -> int:
    """CPU cores that this process may use; a container may have fewer than the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def silent(line: str) -> None:
    """Print nothing."""


class Workers(Protocol):
    """Runs tasks."""

    def each(
        self,
        function: Callable[[Item, Say], Result],
        tasks: Iterable[Item],
        *,
        say: Say = silent,
        ordered: bool = True,
        until: float = math.inf,
    ) -> Generator[Result, None, None]:
        """The results of `function(task, say)`, in order; `say` receives all progress lines.

        Not `ordered`, each comes as soon as it is there, and the next task is drawn after that:
        it may depend on all results so far. At `until`, by time.monotonic(), it ends with what is
        there, and workers that are at a task then are stopped.

        Raises what `function` raises, and UserError when a worker is lost. Closing the generator
        ends what is not finished.
        """
        ...


_replaced: list[Callable[[Callable[[], object]], Workers]] = []


@contextmanager
def replaced(made: Callable[[Callable[[], object]], Workers]) -> Iterator[None]:
    """Within the block, all tasks run on what `made` makes of their `prepare`."""
    _replaced.append(made)
    try:
        yield
    finally:
        _replaced.pop()


def elsewhere() -> bool:
    """Whether tasks run outside this machine, where its memory and this process are not theirs."""
    return bool(_replaced)


def workers(
    count: int, *, setting: str, prepare: Callable[[], object], brief: bool = False
) -> Workers:
    """Workers for `count` tasks at a time: this process, or `count` worker processes.

    Each worker process first calls `prepare()`. `setting` is the option with which a user reduces
    their number. For `brief` tasks a worker gets the next task in advance. Within `replaced` it is
    the workers named there.
    """
    if _replaced:
        return _replaced[-1](prepare)
    return Here() if count <= 1 else Processes(count, setting, prepare, brief)


class Here:
    """Runs tasks in this process, one after the other."""

    def each(
        self,
        function: Callable[[Item, Say], Result],
        tasks: Iterable[Item],
        *,
        say: Say = silent,
        ordered: bool = True,
        until: float = math.inf,
    ) -> Generator[Result, None, None]:
        """As `Workers.each`; a task that is begun is done to its end."""
        for task in tasks:
            yield function(task, say)
            if time.monotonic() >= until:
                return


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
            target=_work, args=(its_end, [_Lock(number) for number in held_locks()])
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

    def start(self, count: int, function: Callable[..., Any], prepare: Callable[..., Any]) -> None:
        """Start the processes and send them the function."""
        # Start it now: during the start of a worker it would unblock signals again.
        resource_tracker.ensure_running()
        for _ in range(count):
            # A signal in between would leave a worker running that is not registered yet, or end a
            # worker with a traceback that is not set up yet.
            with HeldBack(), _signals_blocked():
                self._workers.append(_Worker())
        order = reduction.ForkingPickler.dumps((sys.path, function, prepare))
        for worker in self._workers:
            worker.send_bytes(order)

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
            if kind == _LINE:
                self._say(content)
            elif kind == _RESULT:
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


def _work(wire: Connection, locks: list[int]) -> None:
    """In a worker: run tasks until there are none. `locks` stay open until it ends."""
    for number in SIGNALS:
        # A terminal sends them to the parent as well, and the parent decides about its workers.
        signal.signal(number, signal.SIG_IGN)
    begin((signal.SIGTERM,), speaks=False, patience=WORKER_PATIENCE)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        _do_tasks(wire)
    except KeyboardInterrupt:
        # A stopped training with its state saved.
        _end_worker(INTERRUPTED)
    except (EOFError, OSError):
        # No task is left, or the parent is gone.
        _end_worker(0)


def _do_tasks(wire: Connection) -> NoReturn:
    def say(line: str) -> None:
        wire.send((_LINE, line))

    function: Callable[[Any, Say], Any] | None = None
    answer: bytes | memoryview
    while True:
        message = wire.recv_bytes()
        try:
            if function is None:
                sys.path[:], function, prepare = pickle.loads(message)
                prepare()
                continue
            answer = reduction.ForkingPickler.dumps((_RESULT, function(pickle.loads(message), say)))
        except Exception as error:
            answer = _pickled_error(error)
        wire.send_bytes(answer)


def _pickled_error(error: Exception) -> bytes:
    if not isinstance(error, UserError | MemoryError):
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
    try:
        pickled = pickle.dumps((_ERROR, error))
        pickle.loads(pickled)
    except Exception:
        pickled = pickle.dumps((_ERROR, RuntimeError(f"{type(error).__name__}: {error}")))
    return pickled


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait forever for its next task."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _end_worker(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)
