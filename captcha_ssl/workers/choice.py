"""Chooses where tasks run: in this process, in worker processes, or on a cluster."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager

from captcha_ssl.notice import Say, silent
from captcha_ssl.workers.contract import Item, Result, Workers
from captcha_ssl.workers.processes import Processes

_replaced: list[Callable[[Callable[[], object]], Workers]] = []


def available_cores() -> int:
    """CPU cores that this process may use; a container may have fewer than the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def choose_workers(
    count: int, *, setting: str, prepare: Callable[[], object], brief: bool = False
) -> Workers:
    """Workers for `count` tasks at a time: this process, or `count` worker processes.

    Each worker process first calls `prepare()`. `setting` is the option with which a user reduces
    their number. For `brief` tasks a worker gets the next task in advance. Within `replaced`, the
    tasks run on the workers named there instead.
    """
    if _replaced:
        return _replaced[-1](prepare)
    return ThisProcess() if count <= 1 else Processes(count, setting, prepare, brief)


@contextmanager
def replaced(build: Callable[[Callable[[], object]], Workers]) -> Iterator[None]:
    """Within the block, all tasks run on the workers that `build` makes of their `prepare`."""
    _replaced.append(build)
    try:
        yield
    finally:
        _replaced.pop()


def elsewhere() -> bool:
    """Whether tasks run outside this machine, without its memory and this process."""
    return bool(_replaced)


class ThisProcess:
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
        """As `Workers.each`; a task that has started runs to its end."""
        for task in tasks:
            yield function(task, say)
            if time.monotonic() >= until:
                return
