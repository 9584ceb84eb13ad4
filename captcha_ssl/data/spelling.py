"""Different spellings of one name: Unicode forms, upper and lower case, slashes.

`é` is one character or two (NFC or NFD: file names on macOS are often decomposed), other systems
separate folders with a backslash, and some do not distinguish `A.PNG` from `a.png`.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable


def composed(text: str) -> str:
    """`text` in Unicode's composed form (NFC), the form of labels in training and evaluation."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class Spellings:
    """Finds a name among `names`, also in another spelling if the match is unambiguous."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._similar: dict[tuple[str, str], str | None] | None = None

    def find(self, name: str) -> str | None:
        """The matching name, or None."""
        for written in (name, name.replace("\\", "/")):
            if written in self._names:
                return written
        if self._similar is None:
            self._similar = {}
            for known in self._names:
                for key in _keys(known):
                    # Two names that differ only in spelling are ambiguous.
                    self._similar[key] = None if key in self._similar else known
        return next(filter(None, map(self._similar.get, _keys(name))), None)


def _in_utf8(name: str) -> str:
    """`name` in UTF-8, as tables have it; a locale without UTF-8 decodes the names on the disk."""
    if name.isascii():
        return name
    try:
        return os.fsencode(name).decode()
    except UnicodeError:
        return name


def _keys(name: str) -> tuple[tuple[str, str], ...]:
    """Normalized forms of a name, the stricter one first."""
    text = composed(_in_utf8(name).replace("\\", "/"))
    return (("form", text), ("capitals", composed(text.casefold())))
