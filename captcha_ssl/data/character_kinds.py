"""The kinds of characters: digits, capital letters, small letters, and all others."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

KIND_NAMES = {"Nd": "digits", "Lu": "capital letters", "Ll": "small letters"}
OTHER_KIND = "rest"
_SIGNS = {"Nd": "0", "Lu": "A", "Ll": "a", OTHER_KIND: "#"}
_MIXED = "?"
Kinds = frozenset[str]


def kind_of(character: str) -> str:
    """The kind of a character: its Unicode category if that has a name here, or `rest`."""
    category = unicodedata.category(character)
    return category if category in KIND_NAMES else OTHER_KIND


def kinds_at_places(texts: Iterable[str]) -> tuple[Kinds, ...]:
    """The kinds of the characters at each place of texts of one length."""
    return tuple(frozenset(map(kind_of, place)) for place in zip(*texts, strict=True))


def kinds_in_signs(kinds: Iterable[Kinds]) -> str:
    """Such as `Aa0`: a capital, a small letter, a digit; `#` for other kinds, `?` for several."""
    return "".join(_SIGNS[next(iter(at))] if len(at) == 1 else _MIXED for at in kinds)
