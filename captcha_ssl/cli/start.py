"""Where the program starts: plain `predict IMAGE` at once, every other command line with typer.

Importing typer would take a good part of the time to the first text.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Run the command in `sys.argv` and exit with its code."""
    # A signal that arrives during this import waits, and is handled right after it.
    release = _hold_signals()
    from captcha_ssl.interruption import begin

    begin()
    release()
    from functools import partial

    from captcha_ssl.cli.outcome import exit_with

    images = _plainly_read(sys.argv[1:])
    if images:
        from captcha_ssl.cli.reading import read

        exit_with(partial(read, images))
    from captcha_ssl.cli.main import run_program

    run_program()


def _hold_signals() -> Callable[[], object]:
    """Block Ctrl-C, SIGTERM and SIGHUP until the returned function is called."""
    # Built into the interpreter; importing the module signal takes a while itself.
    import _signal  # type: ignore[import-not-found]

    numbers = {getattr(_signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")} - {None}
    mask = getattr(_signal, "pthread_sigmask", None)
    if mask is None:
        return lambda: None
    before = mask(_signal.SIG_BLOCK, numbers)
    return lambda: mask(_signal.SIG_SETMASK, before)


def _plainly_read(arguments: list[str]) -> list[str]:
    """The images of `predict IMAGE …` without any option or empty argument; otherwise none."""
    from captcha_ssl.launch import ranks

    if arguments[:1] != ["predict"] or ranks() > 1:
        return []
    images = arguments[1:]
    return [] if any(image[:1] in ("", "-") for image in images) else images
