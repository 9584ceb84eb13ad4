"""The file of `predict --out`: rows that a later call continues, none of them twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from captcha_ssl.errors import UserError

CONTINUED = ("jsonl", "tsv")
"""Formats with one line for each image, and its name in it."""
_BLOCK = 2**20


@dataclass(frozen=True)
class Done:
    """What a file has already: how many rows, the image of the last one, and whether any failed."""

    rows: int = 0
    last: str | None = None
    failed: bool = False


@contextmanager
def opened(path: Path, format: str, *, resume: bool) -> Iterator[tuple[IO[str], Done]]:
    """The file to append rows to, and what is in it: nothing unless it is resumed.

    A last line without its end, of a call that was killed, is cut off. Raises UserError for a file
    that holds something and is not to be resumed, or cannot be.
    """
    if resume and format not in CONTINUED:
        raise UserError(f"--resume works with --format {' or '.join(CONTINUED)}, not {format}")
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"--out {path}: give the name of a file, in a folder that exists")
    used = path.exists() and path.stat().st_size > 0
    if used and not resume:
        way = "add --resume or use" if format in CONTINUED else "use"
        raise UserError(f"--out {path}: already holds something; {way} another name")
    done = _done(path, format) if used else Done()
    # Line-buffered: a killed call loses at most the row it was writing.
    with path.open("a", encoding="utf-8", newline="\n", buffering=1) as file:
        yield file, done


def _done(path: Path, format: str) -> Done:
    end = _whole(path)
    with path.open("rb+") as file:
        file.truncate(end)
    rows, last, failed = 0, None, False
    parse: Callable[[str], tuple[str, bool]] = _json_row if format == "jsonl" else _tsv_row
    with path.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines):
            if format == "tsv" and not number:
                continue
            try:
                last, wrong = parse(line.removesuffix("\n"))
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"--out {path}: line {number + 1} is not one of --format {format}; "
                    "use another name"
                ) from error
            rows, failed = rows + 1, failed or wrong
    return Done(rows, last, failed)


def _whole(path: Path) -> int:
    """The number of bytes up to the end of the last whole line."""
    with path.open("rb") as file:
        at = file.seek(0, os.SEEK_END)
        while at:
            start = max(0, at - _BLOCK)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            at = start
    return 0


def _json_row(line: str) -> tuple[str, bool]:
    row = json.loads(line)
    return str(row["path"]), "error" in row or bool(row.get("doubtful"))


def _tsv_row(line: str) -> tuple[str, bool]:
    path, _, _, error, *doubtful = line.split("\t")
    return path, bool(error) or doubtful == ["1"]
