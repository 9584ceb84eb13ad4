"""How a command ends: its exit code, and one line on stderr for an error the user can fix."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from captcha_ssl.cli.streams import prepare_streams
from captcha_ssl.errors import UserError
from captcha_ssl.interruption import INTERRUPTED, asked, begin, error_line, the_last_word
from captcha_ssl.launch import leave, rank
from captcha_ssl.memory import lacks_memory

_PATIENCE = 20.0
"""Seconds that a rank other than the first waits before it prints its error."""
_ADVICE = {
    errno.ENOSPC: "free some space and run it again",
    errno.EDQUOT: "free some space and run it again",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EACCES: "choose a place where you have write permission",
    errno.EROFS: "choose a place that is not read-only",
}


def exit_with(command: Callable[[], int]) -> NoReturn:
    """Run the command of this process and exit with its code."""
    begin()
    prepare_streams()
    code = outcome(command)
    _settle_stdout()
    leave(code)


def outcome(command: Callable[[], int]) -> int:
    """Run a command and return its exit code.

    0 done, 1 some inputs failed or the output pipe is closed, 2 usage, configuration or data, 130
    interrupted. An error the user can fix becomes one line on stderr.
    """
    try:
        code = command()
        sys.stdout.flush()
    except KeyboardInterrupt as stop:
        return _stopped(str(stop) or "interrupted")
    except Exception as error:
        # Ranks that are stopped may lose their connections to each other.
        return _stopped("interrupted") if asked() else _failed(error)
    return code


def _failed(error: Exception) -> int:
    """The exit code for `error`; a bug of this program is raised again."""
    if isinstance(error, UserError):
        return _fail(str(error))
    if isinstance(error, BrokenPipeError):
        return 1
    if lacks_memory(error):
        return _fail("not enough memory; close other programs, or process less at once")
    if isinstance(error, OSError):
        return _fail(_system_message(error))
    raise error


def _system_message(error: OSError) -> str:
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0)
    reason += f"; {advice}" if advice else ""
    return f"{error.filename}: {reason}" if error.filename else reason


def _stopped(message: str) -> int:
    # The launcher ends a rank when another one has failed and has printed why. When all are
    # interrupted, the first rank prints it.
    return INTERRUPTED if rank() else _fail(message, code=INTERRUPTED)


def _fail(message: str, *, code: int = 2) -> int:
    if rank():
        # If every rank fails, the first one prints the error, and the launcher ends this one
        # meanwhile.
        try:
            time.sleep(_PATIENCE)
        except KeyboardInterrupt:
            return code
        message = f"rank {rank()}: {message}"
    if the_last_word():
        print(error_line(message), file=sys.stderr)
    return code


def _settle_stdout() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # The pipe is closed, or the disk is full and the error is already printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
