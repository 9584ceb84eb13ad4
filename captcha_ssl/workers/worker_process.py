"""What happens in a worker process: it runs tasks until there are none."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, NoReturn

from captcha_ssl.errors import UserError
from captcha_ssl.interruption import INTERRUPTED, SIGNALS, WORKER_PATIENCE, begin
from captcha_ssl.memory import lacks_memory
from captcha_ssl.notice import Say
from captcha_ssl.workers.large_arrays import unpickled

RESULT, ERROR, LINE = range(3)
"""The kinds of messages from a worker: (kind, content)."""


def work(wire: Connection, locks: list[int]) -> None:
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
        wire.send((LINE, line))

    function: Callable[[Any, Say], Any] | None = None
    answer: bytes | memoryview
    while True:
        message = wire.recv_bytes()
        try:
            if function is None:
                sys.path[:], function, prepare = unpickled(message)
                prepare()
                continue
            answer = reduction.ForkingPickler.dumps((RESULT, function(pickle.loads(message), say)))
        except Exception as error:
            answer = _pickled_error(error)
        wire.send_bytes(answer)


def _pickled_error(error: Exception) -> bytes:
    if not isinstance(error, UserError) and lacks_memory(error):
        error = MemoryError(str(error))
    elif not isinstance(error, UserError):
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
    try:
        pickled = pickle.dumps((ERROR, error))
        pickle.loads(pickled)
    except Exception:
        pickled = pickle.dumps((ERROR, RuntimeError(f"{type(error).__name__}: {error}")))
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
