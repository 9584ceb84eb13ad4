"""Prepares the three standard streams for every command, however it is started."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress

from captcha_ssl.interruption import AtTheEnd
from captcha_ssl.notice import Say, silent

AS_IT_IS_OR_ESCAPED = "captcha-ssl-as-it-is-or-escaped"
"""The name of our codecs error handler for text that the encoding of a stream lacks."""
_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def prepare_streams() -> None:
    """Make printing safe: it neither fails nor writes to the wrong file.

    A closed stream (`2>&-`) is the null device from `begin` on. A character that the terminal's
    encoding lacks is written as an escape; bytes of a file name that are not text are written
    unchanged. If stderr fails, for example as a closed pipe, the error is ignored: the run matters
    more than its messages.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
    codecs.register_error(AS_IT_IS_OR_ESCAPED, _as_it_is_or_escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=AS_IT_IS_OR_ESCAPED)
    if isinstance(sys.stderr, io.TextIOWrapper) and not isinstance(sys.stderr, _Forgiving):
        encoding = sys.stderr.encoding
        sys.stderr = _Forgiving(
            sys.stderr.detach(),
            encoding=encoding,
            errors=AS_IT_IS_OR_ESCAPED,
            line_buffering=True,
        )


def say_on_stderr(line: str) -> None:
    """Print a line about the work, at once."""
    print(line, file=sys.stderr, flush=True)


def teller(*, quiet: bool) -> Say:
    """What prints lines about the work on stderr; nothing if `quiet`."""
    return silent if quiet else say_on_stderr


def terminal_restored() -> AtTheEnd:
    """Within this block, a signal restores the terminal's cursor and clears the line."""
    return AtTheEnd(lambda: os.write(2, b"\r\x1b[2K\x1b[?25h"))


def _as_it_is_or_escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Surrogates stand for bytes that are not text (`os.fsdecode`); everything else is escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("ascii", "backslashreplace").decode("ascii"), error.start + 1


class _Forgiving(io.TextIOWrapper):
    """A stream that drops text that cannot be written."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()
