"""The three standard streams as every command finds them, whatever it was started with."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress

from captcha_ssl.interruption import AtTheEnd

AS_IT_IS_OR_ESCAPED = "captcha-ssl-as-it-is-or-escaped"
"""How text goes out that the encoding of a stream lacks, as a name for codecs."""
_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def prepare_streams() -> None:
    """Let printing neither fail nor go where it should not.

    A stream that was closed (`2>&-`) is the null device from `begin` on. A character that the
    terminal's code page lacks goes out as an escape, and bytes of a file name that are no text as
    the bytes they are. A stderr that fails, such as a pipe that nobody reads any more, is passed
    over: a run is worth more than its messages.
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


def terminal_restored() -> AtTheEnd:
    """Within this block, a signal gives the terminal its cursor back, and a clear line."""
    return AtTheEnd(lambda: os.write(2, b"\r\x1b[2K\x1b[?25h"))


def _as_it_is_or_escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Surrogates stand for bytes that are no text (`os.fsdecode`); everything else is escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("ascii", "backslashreplace").decode("ascii"), error.start + 1


class _Forgiving(io.TextIOWrapper):
    """A stream whose text is lost where it cannot be written."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()
