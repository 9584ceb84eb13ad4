"""What a convention of datasets is, and how several parts of one are opened as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.data.sources.joined import JoinedSource, titles
from captcha_ssl.data.sources.source import Source

Opener = Callable[[Path, bool | None], Source]
"""Takes the path and what is wanted of labels: True, False, or None as `open_source` does."""


@dataclass(frozen=True)
class Format:
    """A convention: what a user should look for, how it is recognized, and how it is opened."""

    looks_like: str
    recognizes: Callable[[Path], bool]
    open: Opener


def parts_opener(kind: str, find: Callable[[Path], Sequence[Path]], open_part: Opener) -> Opener:
    """An opener of folders: it opens all parts that `find` finds in one as one source."""

    def open_parts(folder: Path, want_labels: bool | None) -> Source:
        parts = find(folder)
        opened = [open_part(part, want_labels) for part in parts]
        if len(opened) == 1:
            return opened[0]
        return JoinedSource(f"{kind} in {len(parts):,} parts", opened, titles(parts))

    return open_parts
