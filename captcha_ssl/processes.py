"""Tasks done here or side by side in worker processes, with the results in the order of the tasks.

`workers` chooses. Both kinds have one method, `each`, and a third kind needs no more than that.
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
"""Takes a line for whoever watches."""

_HOLDS = 2
"""Tasks that a worker has at once when they are `brief`: the next one is there when it is done."""
_GRACE = WORKER_PATIENCE + 1.0
"""Seconds from asking the workers to end to killing those that are left."""
_HEARSAY = 0.3
"""Seconds by which a signal to a whole process group may reach this process after a worker."""
_RESULT, _ERROR, _LINE = range(3)
"""What a message from a worker holds."""


def available_cores() -> int:
    """CPU cores that this process may use: in a container perhaps fewer than there are."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _silent(line: str) -> None:
    """Say nothing."""


class Workers(Protocol):
    """Something that tasks are done by."""

    def each(
        self,
        function: Callable[[Item, Say], Result],
        tasks: Iterable[Item],
        *,
        say: Say = _silent,
        ordered: bool = True,
        until: float = math.inf,
    ) -> Generator[Result, None, None]:
        """`function(task, say)` of each task, in order; `say` is told the lines of all of them.

        Not `ordered`, each comes as soon as it is there, and the next task is drawn after that:
        it may depend on all results so far. At `until`, by time.monotonic(), it ends with what is
        there, and workers that are at a task then are stopped.

        Raises what `function` raises, and UserError when a worker is lost. Closing the generator
        ends what is not finished.
        """
        ...


def workers(
    count: int, *, setting: str, prepare: Callable[[], object], brief: bool = False
) -> Workers:
    """Workers for `count` tasks at a time: this process alone, or as many others.

    Each of the others calls `prepare()` first. `setting` is what a user changes to get fewer of
    them. `brief` tasks take so little time that a worker should have the next at hand.
    """
    return Here() if count <= 1 else Processes(count, setting, prepare, brief)


class Here:
    """Does tasks in this process, one after the other."""

    def each(
        self,
        function: Callable[[Item, Say], Result],
        tasks: Iterable[Item],
        *,
        say: Say = _silent,
        ordered: bool = True,
        until: float = math.inf,
    ) -> Generator[Result, None, None]:
        """As `Workers.each`; a task that is begun is done to its end."""
        for task in tasks:
            yield function(task, say)
            if time.monotonic() >= until:
                return


class Processes:
    """Does tasks in worker processes of this machine; `function` and tasks must be picklable.

    `function` is sent once to each. A script that comes here needs the usual
    `if __name__ == "__main__":`. The workers hold the locks of this process too and end with it,
    however it ends: a signal ends both, and a training in a worker saves its state before.
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
        say: Say = _silent,
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
                # After a signal to all of them, this process ends here by its own.
                time.sleep(_HEARSAY)
                raise UserError(
                    f"a worker process {error}, perhaps for lack of memory; try fewer "
                    f"{self._setting}"
                ) from error
            finally:
                crew.stop()


class _LostError(Exception):
    """A worker that is gone, or that has no memory left."""


class _Worker:
    """A worker process as its parent sees it."""

    def __init__(self) -> None:
        self.wire, its_end = multiprocessing.Pipe()
        # Started afresh: a forked copy of a process that runs threads (a progress bar, OpenCV,
        # torch) may wait for ever on a lock that no thread of its own holds.
        self.process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(its_end, [_Lock(number) for number in held_locks()])
        )
        self.tasks: deque[int] = deque()
        """Numbers of the tasks it has."""
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
    """Workers, what they have to do and what they have done."""

    def __init__(self, holds: int, say: Say, ordered: bool, until: float) -> None:
        self._holds, self._say, self._ordered, self._until = holds, say, ordered, until
        self._workers: list[_Worker] = []
        self._done: dict[int, Any] = {}

    def start(self, count: int, function: Callable[..., Any], prepare: Callable[..., Any]) -> None:
        """Start the processes and send them what to do."""
        # Now, and not within the start of a worker, where it would let signals through again.
        resource_tracker.ensure_running()
        for _ in range(count):
            # A worker that is not known yet would outlive the end of this process, and one that
            # was not told yet what it is would end in a traceback.
            with HeldBack(), _signals_blocked():
                self._workers.append(_Worker())
        order = reduction.ForkingPickler.dumps((sys.path, function, prepare))
        for worker in self._workers:
            worker.send_bytes(order)

    def results(self, tasks: Iterable[Any]) -> Iterator[Any]:
        """The results in the order of the tasks; only so many are worked at ahead of them.

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
        """Workers that take another task, those with the fewest first, each as often as it can."""
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
        """Tell workers without a task that there is nothing left to do."""
        if any(worker.tasks for worker in self._workers):
            return
        for worker in self._workers:
            worker.wire.close()
        self._wait(_GRACE)

    def stop(self) -> None:
        """End all workers: those that train save their state, the others end at once."""
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
    """Block signals while a worker starts, which inherits that until it has begun."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Lock:
    """A descriptor that is open in the worker too."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return _inherited, (reduction.DupFd(self._descriptor),)


def _inherited(duplicate: Any) -> int:
    descriptor: int = duplicate.detach()
    return descriptor


def _work(wire: Connection, locks: list[int]) -> None:
    """In a worker: do tasks until none comes. `locks` stay open until it ends."""
    for number in SIGNALS:
        # A terminal sends them to the parent as well, which says what becomes of its workers.
        signal.signal(number, signal.SIG_IGN)
    begin((signal.SIGTERM,), speaks=False, patience=WORKER_PATIENCE)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        _do_tasks(wire)
    except KeyboardInterrupt:
        # A training that was stopped, with its state saved.
        _end_worker(INTERRUPTED)
    except (EOFError, OSError):
        # Nothing left to do, or nobody to do it for.
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
    """A worker whose parent was killed would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _end_worker(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)
