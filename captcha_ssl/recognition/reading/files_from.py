"""Names of files in a file or on standard input, as `find` prints them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from captcha_ssl.errors import UserError

STDIN = Path("-")
MOST_BYTES = 1 << 30


def listed_files(file: Path) -> list[str]:
    """The names in `file`, one a line, or with zero bytes between them where there are any.

    `-` is standard input, and a pipe will do. Empty lines are passed over. Raises UserError when it
    cannot be read, or is larger than a gigabyte.
    """
    try:
        if file == STDIN:
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"--files-from {file}: cannot be read ({error.strerror})") from error
    if len(data) > MOST_BYTES:
        raise UserError(f"--files-from {file}: more than {MOST_BYTES:,} bytes")
    names = data.split(b"\0") if b"\0" in data else data.splitlines()
    # A name need not be valid UTF-8; it goes on as it came.
    return [os.fsdecode(name) for name in names if name.strip()]
