"""The rank of this process and the number of ranks, as torchrun sets them."""

# Loaded before signals are handled: imports here must be fast.
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
    """The number of this process, from 0. Only the first one writes and prints."""
    return _number("RANK", 0)


def local_rank() -> int:
    """Its number on this machine: the number of its GPU."""
    return _number("LOCAL_RANK", 0)


def local_ranks() -> int:
    """How many of these processes run on this machine."""
    return max(1, _number("LOCAL_WORLD_SIZE", 1))


def restarted() -> bool:
    """Whether torchrun starts these processes again, after one of them was lost."""
    return _number("TORCHELASTIC_RESTART_COUNT", 0) > 0


def launch() -> str:
    """What torchrun calls this launch, the same for all ranks and after a restart; '' without it.

    `torchrun --standalone` makes up a new name each time. Several machines are "none", unless
    `--rdzv-id` names them.
    """
    return os.environ.get("TORCHELASTIC_RUN_ID", "")


def attempt() -> str:
    """A word for this start of the processes, the same for all of them.

    Each of several machines counts the restarts that it has started, and the counts differ.
    """
    alone = _number("LOCAL_WORLD_SIZE", 1) == ranks()
    return f"attempt {_number('TORCHELASTIC_RESTART_COUNT', 0)}" if alone else "attempt"


def leave(code: int) -> NoReturn:
    """End this process with exit code `code`, after flushing its output.

    It does not shut the interpreter down: that restores the default signal handlers, and a late
    signal would then end a finished program with an error. One of several ranks also skips the exit
    handlers: a thread of torch's process group may need the interpreter during the shutdown and
    abort the process (one time in twenty on a busy machine), and the launcher would report a
    finished run as failed.
    """
    if ranks() == 1:
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib takes time to import
            stream.flush()
        except (OSError, ValueError, AttributeError):  # The pipe is closed.
            pass
    os._exit(code)


def _number(name: str, otherwise: int) -> int:
    # Cluster schedulers also set the other variables, for processes that are not in a group.
    told = os.environ.get(name, "") if "TORCHELASTIC_RUN_ID" in os.environ else ""
    return int(told) if told.isdecimal() else otherwise
