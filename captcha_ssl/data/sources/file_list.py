"""Images that a list names: the files that `find` prints, or that a user has chosen."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.name_list import STDIN, problem_of_listed, read_names
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.names import carry_labels, source_from_names
from captcha_ssl.errors import UserError

KIND = "list of files"


def open_file_list(file: Path, want_labels: bool | None) -> FileSource:
    """The files that a list names, relative to the working directory, in its order.

    Names that are no file, and those that come again, are rejected. Labels come from the names, as
    in a folder. Raises UserError when the list cannot be read or holds nothing.
    """
    names = read_names(file)
    called = "standard input" if file == STDIN else str(file)
    kept: dict[str, int] = {}
    rejected: list[Rejected] = []
    for line, name in enumerate(names, 1):
        reason = problem_of_listed(name) or (f"repeats line {kept[name]}" if name in kept else None)
        if reason is None:
            kept[name] = line
        else:
            rejected.append(Rejected(name, reason, len(kept)))
    if not kept:
        first = rejected[0]
        raise UserError(f"{called}: names no image, first {first.row}: {first.reason}")
    # Relative to nothing: a name stays as the list has it, so that another program can take it.
    if want_labels or (want_labels is None and carry_labels(list(kept))):
        source = source_from_names(Path(), list(kept))
    else:
        source = FileSource(KIND, Path(), list(kept))
    source.rejected += rejected
    return source
