"""One text, several ways to write it: Unicode forms, capitals, slashes.

`é` is one character or two (NFC or NFD: the names of files on macOS are often decomposed), other
systems part folders by a backslash, and some do not tell `A.PNG` from `a.png`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def composed(text: str) -> str:
    """`text` in Unicode's composed form (NFC), the one in which labels are learned and compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class Spellings:
    """Finds a name among `names`, though it is spelled otherwise where that leaves no doubt."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._similar: dict[tuple[str, str], str | None] | None = None

    def find(self, name: str) -> str | None:
        """The one of the names that `name` means, or None."""
        for written in (name, name.replace("\\", "/")):
            if written in self._names:
                return written
        if self._similar is None:
            self._similar = {}
            for known in self._names:
                for key in _keys(known):
                    # Two names that differ by no more than this cannot be told apart.
                    self._similar[key] = None if key in self._similar else known
        return next(filter(None, map(self._similar.get, _keys(name))), None)


def _keys(name: str) -> tuple[tuple[str, str], ...]:
    """What names alike have in common, the narrower likeness first."""
    text = composed(name.replace("\\", "/"))
    return (("form", text), ("capitals", composed(text.casefold())))
