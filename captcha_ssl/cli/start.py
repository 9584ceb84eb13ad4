"""Where the program begins: plain `predict IMAGE` at once, every other command line with typer.

Importing typer would take a good part of the time to the first text.
"""

from __future__ import annotations

import sys

from captcha_ssl.interruption import begin
from captcha_ssl.launch import ranks


def main() -> None:
    """Run the command in `sys.argv` and exit with its code."""
    # Before any slow import, so that a signal is handled from here on.
    begin()
    from functools import partial

    from captcha_ssl.cli.outcome import finish

    images = _plainly_read(sys.argv[1:])
    if images:
        from captcha_ssl.cli.reading import read

        finish(partial(read, images))
    from captcha_ssl.cli.main import main as run_any

    run_any()


def _plainly_read(arguments: list[str]) -> list[str]:
    """The images of `predict IMAGE …` without any option; otherwise none."""
    if arguments[:1] != ["predict"] or ranks() > 1:
        return []
    images = arguments[1:]
    return [] if any(image.startswith("-") for image in images) else images
