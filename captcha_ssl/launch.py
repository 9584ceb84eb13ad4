"""The rank of this process and the number of ranks, as torchrun sets them."""

# Loaded before signals are taken over: nothing here may take time to import.
from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def ranks() -> int:
    """How many processes were launched together; 1 without torchrun."""
    return _number("WORLD_SIZE", 1)


def rank() -> int:
    """Which of them this one is, from 0. The first alone writes and speaks."""
    return _number("RANK", 0)


def local_rank() -> int:
    """Which of those on this machine: the number of its GPU."""
    return _number("LOCAL_RANK", 0)


def leave(code: int) -> NoReturn:
    """End this process with exit code `code`, after what it printed.

    It does not take the interpreter down, which would give signals their old meaning again: one
    that comes then would end a finished program by a signal. One of several ranks does not even
    run what was registered for the exit: a thread of torch's process group that wants the
    interpreter meanwhile aborts it, one time in twenty on a busy machine, and the launcher would
    report a finished run as failed.
    """
    if ranks() == 1:
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib takes time to import
            stream.flush()
        except (OSError, ValueError, AttributeError):  # Nobody reads it, or it is closed.
            pass
    os._exit(code)


def _number(name: str, otherwise: int) -> int:
    # Schedulers of clusters set the other names too, for processes that are on their own.
    told = os.environ.get(name, "") if "TORCHELASTIC_RUN_ID" in os.environ else ""
    return int(told) if told.isdecimal() else otherwise
