"""Paths for libraries that take UTF-8 alone; the name of a file may be any bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """Yield `path`, or where that is not UTF-8 a link to it whose path is. Raises OSError."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / f"link{path.suffix if path.suffix.isascii() else ''}"
            link.symlink_to(path.absolute())
            yield link
    else:
        yield path
