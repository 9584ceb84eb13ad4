"""What a command comes to: its exit code, and one line on stderr for what the user can mend."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from captcha_ssl.errors import UserError
from captcha_ssl.launch import leave, rank
from captcha_ssl.printable import SCREEN, shown

PROGRAM = "captcha-ssl"
_PATIENCE = 20.0
"""Seconds that a rank other than the first keeps its error to itself."""
_ADVICE = {
    errno.ENOSPC: "free some space and run it again",
    errno.EDQUOT: "free some space and run it again",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EACCES: "choose a place that you may write to",
    errno.EROFS: "choose a place that can be written to",
}


def finish(command: Callable[[], int]) -> NoReturn:
    """Run the command of this process and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name need not be valid UTF-8; it goes out as it came in.
        sys.stdout.reconfigure(errors="surrogateescape")
    signal.signal(signal.SIGTERM, _interrupt)
    code = outcome(command)
    _settle_stdout()
    leave(code)


def outcome(command: Callable[[], int]) -> int:
    """Run a command and return its exit code.

    0 done, 1 some inputs failed or nobody reads the output, 2 usage, configuration or data,
    130 interrupted. Whatever the user can mend becomes one line on stderr.
    """
    try:
        code = command()
        sys.stdout.flush()
    except UserError as error:
        return _fail(str(error))
    except KeyboardInterrupt as stop:
        return _stopped(str(stop) or "interrupted")
    except BrokenPipeError:
        return 1
    except OSError as error:
        return _fail(_system_message(error))
    return code


def _system_message(error: OSError) -> str:
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0)
    reason += f"; {advice}" if advice else ""
    return f"{error.filename}: {reason}" if error.filename else reason


def _interrupt(number: int, frame: Any) -> None:
    """SIGTERM is met as Ctrl-C is: what is half written is taken away, what is whole is kept."""
    raise KeyboardInterrupt


def _stopped(message: str) -> int:
    # An interruption that passes through exec(text), which dataclasses are made with, is noted by
    # CPython as unhandled, and would end the process by a signal; the next exec forgets it.
    exec("")
    # The launcher ends a rank when another has failed, and that one has said why; when all are
    # interrupted, the first says it.
    return 130 if rank() else _fail(message, code=130)


def _fail(message: str, *, code: int = 2) -> int:
    if rank():
        # What failed on every rank, the first has said, and the launcher ends this one meanwhile.
        try:
            time.sleep(_PATIENCE)
        except KeyboardInterrupt:
            return code
        message = f"rank {rank()}: {message}"
    line = " ".join(part.strip() for part in message.splitlines())
    # A file's name may hold what a terminal takes for a command, and a label may be endless.
    line = shown(line, SCREEN)
    print(f"{PROGRAM}: error: {line}", file=sys.stderr)
    return code


def _settle_stdout() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # Nobody reads, or the disk is full, and that has been said. The interpreter would try
        # to write the rest once more on its way out, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
