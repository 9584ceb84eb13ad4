"""Text files that people write with other programs: regular, not endless, in a known encoding."""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from captcha_ssl.errors import UserError
from captcha_ssl.printable import shown

MOST_BYTES = 1 << 28
"""Bytes of the largest text file that is read: a table of several million rows."""
MOST_LINES = 10_000_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark begins that of UTF-32.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text_file(path: Path, *, most: int = MOST_BYTES) -> str:
    """The text at `path` in UTF-8, or in UTF-16 or UTF-32 where it says so, without its mark.

    Raises UserError when it cannot be read, is no regular file, is larger than `most` bytes or
    is in another encoding, and says in which line.
    """
    data = read_regular_file(path, most=most)
    mark, encoding = _encoding(data)
    try:
        return data[mark:].decode(encoding)
    except UnicodeDecodeError as error:
        line = data[mark : mark + error.start].decode(encoding, "replace").count("\n") + 1
        byte = data[mark + error.start]
        raise UserError(
            f"{path}: line {line} is not {encoding.upper()} (byte 0x{byte:02x}); "
            "save the file as UTF-8"
        ) from error


def first_line(path: Path) -> str:
    """The first line at `path` with something in it; empty where there is none to be read."""
    if not path.is_file():
        return ""
    try:
        return next((line for line in iter_lines(path) if line.strip()), "")
    except UserError:
        return ""


def iter_lines(path: Path, *, most: int = MOST_BYTES) -> Iterator[str]:
    """The lines at `path` without their ends (\\n, \\r\\n or \\r), as `read_text_file` reads them.

    Bytes that are no UTF-8 become lone surrogates, as in the names of files. Raises UserError as
    that does, and for more than ten million lines.
    """
    data = read_regular_file(path, most=most)
    if max(data.count(b"\n"), data.count(b"\r")) > MOST_LINES:
        raise UserError(
            f"{shown(str(path))}: more than {MOST_LINES:,} lines; is this the right file?"
        )
    mark, encoding = _encoding(data)
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    raw = io.BytesIO(data)
    raw.seek(mark)
    with io.TextIOWrapper(raw, encoding, errors, newline=None) as text:
        for line in text:
            yield line.removesuffix("\n")


def read_regular_file(path: Path, *, most: int) -> bytes:
    """The bytes at `path`. Raises UserError for anything but a regular file of up to `most`."""
    try:
        with open_regular_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(most + 1) if size <= most else b""
    except OSError as error:
        raise UserError(f"{shown(str(path))}: cannot be read ({error.strerror})") from error
    if size > most or len(data) > most:
        raise UserError(f"{shown(str(path))}: larger than {most:,} bytes; is this the right file?")
    return data


def open_regular_file(path: Path) -> BinaryIO:
    """Open the regular file at `path` for reading, without waiting for a pipe's writer.

    Raises OSError, also for what is there and no regular file.
    """
    # A pipe without a writer would hold `open` for ever; on Windows there is no such flag.
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory", str(path))
        if not stat.S_ISREG(mode):
            raise OSError(22, "not a regular file but a pipe, socket or device", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _encoding(data: bytes) -> tuple[int, str]:
    """The bytes of the mark at the beginning of `data`, and the encoding."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return len(mark), encoding
    # PowerShell and others write UTF-16 without a mark too: then half of the bytes are zero.
    head = data[:256]
    if len(head) >= 4 and not len(data) % 2:
        for encoding, zeros, others in (
            ("utf-16-le", head[1::2], head[::2]),
            ("utf-16-be", head[::2], head[1::2]),
        ):
            if zeros.count(0) > 0.7 * len(zeros) and others.count(0) < 0.1 * len(others):
                return 0, encoding
    return 0, "utf-8"
