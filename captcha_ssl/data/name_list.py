"""Lists of file names, in a file or on standard input, as `find` prints them."""

# Unlike Path, os.path returns False (and does not raise) without permission.
# ruff: noqa: PTH112, PTH113

from __future__ import annotations

import os
import select
import stat
import sys
from functools import cache
from io import BufferedReader
from pathlib import Path

from captcha_ssl.errors import UserError
from captcha_ssl.text_file import as_utf8

STDIN = Path("-")
MARK = "@"
"""Marks the name of a list where a dataset is expected: `@FILE`."""
MOST_BYTES = 1 << 28
_PATIENCE = 10
"""Seconds to wait until another program opens a pipe for writing."""


class Listed(str):
    """A name from a list: always one file. Other arguments may be folders, datasets or patterns."""

    __slots__ = ()


def as_dataset(file: Path) -> Path:
    """The argument that names the list `file` instead of a dataset: `@FILE`, or `-`."""
    return file if file == STDIN else Path(f"{MARK}{file}")


def list_named_by(path: Path) -> Path | None:
    """The list that the argument `path` names (`@FILE` or `-`), or None.

    An existing folder or file of that name is itself, not a list.
    """
    name = str(path).removeprefix(MARK)
    marked = name and name != str(path)
    # Not Path.exists, which raises if the path is too long.
    if not (marked or path == STDIN) or os.path.lexists(path):
        return None
    return Path(name)


def read_names(file: Path) -> list[str]:
    """The names in `file`: one per line, or separated by zero bytes if it contains any.

    `-` is standard input. It and pipes are read once and remembered. Empty lines are skipped, and
    UTF-16, which PowerShell writes, is decoded. Raises UserError when it cannot be read, has no
    name, is larger than 256 MiB, or is a pipe that nothing writes to.
    """
    data = as_utf8(_read(file) if os.path.isfile(file) else _read_once(file))
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    # A name need not be valid UTF-8; it is passed on unchanged.
    names = [os.fsdecode(name) for name in lines if name.strip()]
    if not names:
        called = "standard input" if file == STDIN else str(file)
        raise UserError(f"{called}: no names of files in it")
    return names


def problem_of_listed(name: str) -> str | None:
    """The reason why a name in a list is not a regular file, or None if it is one."""
    if os.path.isfile(name):
        return None
    if os.path.isdir(name):
        return "a folder; a list names files"
    return "no regular file" if os.path.lexists(name) else "no such file"


def _read(file: Path) -> bytes:
    try:
        data = sys.stdin.buffer.read(MOST_BYTES + 1) if file == STDIN else _contents(file)
    except OSError as error:
        raise UserError(f"{file}: the list of files cannot be read ({error.strerror})") from error
    if len(data) > MOST_BYTES:
        raise UserError(f"{file}: the list of files has more than {MOST_BYTES:,} bytes")
    return data


def _contents(file: Path) -> bytes:
    # Opening a pipe without a writer would wait forever.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb", buffering=0) as opened:
        begun = b""
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            # None if a writer has it open but wrote nothing yet; empty if there is no writer.
            first = opened.read(1)
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            if first == b"" and not waiting.poll(1000 * _PATIENCE):
                raise UserError(f"{file}: the list of files is a pipe that nothing writes to")
            begun = first or b""
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        return begun + BufferedReader(opened).read(MOST_BYTES + 1)


_read_once = cache(_read)
