"""Reads text files from other programs: regular files of limited size in a known encoding."""

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
"""The largest text file in bytes: a table of several million rows."""
MOST_LINES = 10_000_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32 first, because its byte order mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text_file(path: Path, *, most: int = MOST_BYTES) -> str:
    """The text at `path` in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, without the mark.

    Raises UserError if it cannot be read, is not a regular file, is larger than `most` bytes or has
    another encoding; the message names the line.
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
    """The first line at `path` that is not empty; an empty text if there is none."""
    if not path.is_file():
        return ""
    try:
        return next((line for line in iter_lines(path) if line.strip()), "")
    except UserError:
        return ""


def iter_lines(path: Path, *, most: int = MOST_BYTES) -> Iterator[str]:
    """The lines at `path` without their ends (\\n, \\r\\n or \\r), as `read_text_file` reads them.

    Bytes that are not UTF-8 become lone surrogates, as in file names. Raises UserError as that
    does, and for more than ten million lines.
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

    Raises OSError, also for anything but a regular file.
    """
    # `open` would wait forever for a pipe without a writer; Windows has no such flag.
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


def as_utf8(data: bytes) -> bytes:
    """Text in UTF-8 without a byte order mark; bytes in no known encoding stay as they are."""
    mark, encoding = _encoding(data)
    text = data[mark:]
    return text if encoding == "utf-8" else text.decode(encoding, "replace").encode()


def _encoding(data: bytes) -> tuple[int, str]:
    """The bytes of the mark at the beginning of `data`, and the encoding."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return len(mark), encoding
    # PowerShell and others also write UTF-16 without a mark; then half of the bytes are zero.
    head = data[:256]
    if len(head) >= 4 and not len(data) % 2:
        for encoding, zeros, others in (
            ("utf-16-le", head[1::2], head[::2]),
            ("utf-16-be", head[::2], head[1::2]),
        ):
            if zeros.count(0) > 0.7 * len(zeros) and others.count(0) < 0.1 * len(others):
                return 0, encoding
    return 0, "utf-8"
