"""Runs tasks on the workers of a Dask cluster: `--cluster tcp://scheduler:8786`.

The workers need this package in the same version, and the same paths to data and results.
"""

from __future__ import annotations

import io
import math
import mmap
import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

import captcha_ssl
from captcha_ssl.errors import UserError
from captcha_ssl.notice import Say, silent
from captcha_ssl.workers.choice import replaced
from captcha_ssl.workers.contract import Item, Result

if TYPE_CHECKING:
    from distributed import Client, Future

_PATIENCE = 30
"""Seconds that a scheduler and its first worker have to answer."""
_AHEAD = 2
"""Tasks in flight per thread of the cluster, so that no thread waits for its next task."""
_LINES = "captcha-ssl"
"""The topic of progress lines."""
_alone = Lock()
"""One task at a time in a process: torch has one generator of random numbers for all threads."""


@contextmanager
def on_cluster(address: str | None) -> Iterator[None]:
    """Within the block, the tasks of all `workers` run on the cluster at `address`, if any.

    Raises UserError when no scheduler answers there.
    """
    if address is None:
        yield
        return
    with _connected(address) as client, replaced(lambda prepare: Cluster(client, prepare)):
        yield


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError("--cluster needs Dask: pip install 'captcha-ssl[cluster]'") from error
    try:
        client = Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise UserError(
            f"--cluster {address}: no Dask scheduler answers there; give its address, "
            "such as tcp://scheduler:8786"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise UserError(
                f"--cluster {address}: the scheduler has no workers; start some, as with "
                f"dask worker {address} --nthreads 1"
            ) from error
        yield client


class Cluster:
    """Runs tasks on the workers of a Dask cluster, each of them with one at a time.

    A task whose worker is lost runs again on another one.
    """

    def __init__(self, client: Client, prepare: Callable[[], object]) -> None:
        self._client, self._prepare = client, prepare

    def each(
        self,
        function: Callable[[Item, Say], Result],
        tasks: Iterable[Item],
        *,
        say: Say = silent,
        ordered: bool = True,
        until: float = math.inf,
    ) -> Generator[Result, None, None]:
        """As `Workers.each`; at `until`, a worker finishes its task, and is not waited for."""
        given: deque[Future[Any]] = deque()
        lines: deque[str] = deque()
        self._client.subscribe_topic(_LINES, lambda event: lines.append(event[1]))
        order = self._client.submit(
            bytes, _pickled((captcha_ssl.__version__, function, self._prepare)), pure=False
        )
        coming = iter(tasks)
        try:
            while time.monotonic() < until:
                # Not ordered, a task may depend on all results so far: none is given in advance.
                ahead = self._threads() * (_AHEAD if ordered else 1)
                while len(given) < ahead and (task := next(coming, _END)) is not _END:
                    given.append(self._client.submit(_perform, order, _pickled(task), pure=False))
                if not given:
                    return
                done = given[0] if ordered else next((f for f in given if f.done()), given[0])
                self._wait(given, done, ordered, until)
                while lines:
                    say(lines.popleft())
                if done.done():
                    given.remove(done)
                    yield _result(done)
        finally:
            self._client.cancel([*given, order])
            self._client.unsubscribe_topic(_LINES)

    def _threads(self) -> int:
        return max(1, len(self._client.nthreads()))

    def _wait(
        self, given: Iterable[Future[Any]], done: Future[Any], ordered: bool, until: float
    ) -> None:
        """Wait for `done`, or any if not `ordered`; not for long, so that lines are passed on."""
        from distributed import wait

        if not done.done():
            left = max(0.01, min(1.0, until - time.monotonic()))
            try:
                wait([done] if ordered else list(given), left, "FIRST_COMPLETED")
            except TimeoutError:
                return


_END: Any = object()


def _result(done: Future[Any]) -> Any:
    from distributed import KilledWorker

    try:
        return done.result()
    except KilledWorker as error:
        raise UserError(
            "a job was tried on several workers of the cluster, and all of them died; give the "
            "workers more memory"
        ) from error
    except MemoryError as error:
        raise UserError("a worker of the cluster is out of memory; give it more") from error


def _perform(order: bytes, task: bytes) -> Any:
    """On a worker: do one task."""
    from distributed import get_worker

    worker = get_worker()
    with _alone:
        version, function, prepare = _unpickled(order)
        if version != captcha_ssl.__version__:
            raise UserError(
                f"a worker of the cluster has captcha-ssl {captcha_ssl.__version__}, not "
                f"{version}; install the same version everywhere"
            )
        # Before each task: it may run in another thread, which has its own setting of threads.
        prepare()
        return function(pickle.loads(task), lambda line: worker.log_event(_LINES, line))


@lru_cache(maxsize=1)
def _unpickled(order: bytes) -> Any:
    return pickle.loads(order)


class _Pickler(pickle.Pickler):
    """Sends the path of a mapped file, and not what is in it."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is np.memmap and isinstance(obj.base, mmap.mmap):
            return np.memmap, (obj.filename, obj.dtype, "r", obj.offset, obj.shape)
        return NotImplemented


def _pickled(what: Any) -> bytes:
    held = io.BytesIO()
    _Pickler(held, pickle.HIGHEST_PROTOCOL).dump(what)
    return held.getvalue()
