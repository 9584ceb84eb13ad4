"""Suggests a name for an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "choose from") -> str:
    """The nearest known name as a question, or else all names after `otherwise`."""
    names = list(known)
    return near_name(name, names) or f"{otherwise} {', '.join(names)}"


def near_name(name: str, known: Iterable[str]) -> str:
    """The nearest known name as a question; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""
