"""Work shared out among processes, with the results in the order of the tasks."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from threading import Thread
from typing import Any, TypeVar

from captcha_ssl.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")


def available_cores() -> int:
    """CPU cores that this process may use: in a container perhaps fewer than there are."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def in_processes(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    processes: int,
    setting: str,
    begin: Callable[..., None] | None = None,
    begin_with: tuple[Any, ...] = (),
) -> Generator[Result, None, None]:
    """`function` of each task, in order, computed in `processes` processes of their own.

    Each process calls `begin(*begin_with)` first. `setting` is what a user changes to get fewer
    of them. A script that comes here needs the usual `if __name__ == "__main__":`. Raises
    UserError when a process dies, and whatever `function` raises; the processes are ended then.
    """
    # Started afresh: a forked copy of a process that runs threads (a progress bar, OpenCV,
    # torch) may wait for ever on a lock that no thread of its own holds.
    pool = ProcessPoolExecutor(
        *(processes, multiprocessing.get_context("spawn")),
        initializer=_begin,
        initargs=(begin, begin_with),
    )
    finished = False
    try:
        yield from _in_order(pool, function, tasks, ahead=2 * processes)
        finished = True
    except BrokenProcessPool as error:
        raise UserError(
            f"a worker process died, perhaps for lack of memory; try fewer {setting}"
        ) from error
    finally:
        if not finished:
            _end_children(pool)
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor,
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    ahead: int,
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    for task in tasks:
        with _interruption_held_back():
            waiting.append(pool.submit(function, task))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _interruption_held_back() -> Iterator[None]:
    """Hold back Ctrl-C while workers start: they inherit that, and leave it to this process."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_children(pool: ProcessPoolExecutor) -> None:
    for process in multiprocessing.active_children():
        process.terminate()
    # A worker may have ended in the middle of a result. The pool would wait for the rest of it
    # for ever, unless nobody is left who could write it.
    pool._result_queue._writer.close()  # type: ignore[attr-defined]


def _begin(begin: Callable[..., None] | None, begin_with: tuple[Any, ...]) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    if begin:
        begin(*begin_with)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
