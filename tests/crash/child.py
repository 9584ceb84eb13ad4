"""The program in its own process, which is killed from outside or kills itself.

Forked from a parent that has torch in memory: a start costs milliseconds, not seconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir")
"""Calls of the module os around which a process may kill itself."""


@dataclass(frozen=True)
class Death:
    """When to kill: so many `seconds` after the start, or before the `call`-th of CALLS."""

    seconds: float | None = None
    call: int | None = None


ALIVE = Death()


@dataclass(frozen=True)
class Ended:
    """How a run ended: killed, or with an exit code; its seconds and its count of CALLS."""

    killed: bool
    code: int
    seconds: float
    calls: int


def run(arguments: list[str], death: Death, log: Path) -> Ended:
    """Run the program to its end or to its death; what it says goes to `log`."""
    counter = log.with_suffix(".calls")
    counter.write_bytes(b"")
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_the_program(arguments, death, log, counter)
    if death.seconds is not None:
        _wait(child, begun + death.seconds)
        _kill(child)
    _, status = os.waitpid(child, 0)
    # Workers of a killed run end; none may write into what is resumed.
    _kill(child)
    seconds, calls = time.monotonic() - begun, counter.stat().st_size
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return Ended(killed, os.waitstatus_to_exitcode(status), seconds, calls)


def _wait(child: int, until: float) -> None:
    while time.monotonic() < until:
        # Without reaping it, so that its number is not given to another process.
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.001)


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _be_the_program(arguments: list[str], death: Death, log: Path, counter: Path) -> None:
    try:
        os.setsid()
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        _count_calls(death.call, os.open(counter, os.O_WRONLY | os.O_APPEND))
        from captcha_ssl.cli.main import run_program

        sys.argv = ["captcha-ssl", *arguments]
        run_program()
    except SystemExit as finished:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(finished.code or 0))
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(99)
    os._exit(0)


def _count_calls(deadly: int | None, counter: int) -> None:
    made = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            os.write(counter, b".")
            if made == deadly:
                os.killpg(0, signal.SIGKILL)
            return call(*args, **kwargs)

        return instead

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
