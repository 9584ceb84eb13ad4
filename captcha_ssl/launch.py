"""What torchrun says of this process: which of how many it is."""

from __future__ import annotations

import os


def ranks() -> int:
    """How many processes were launched together; 1 without torchrun."""
    return _number("WORLD_SIZE", 1)


def rank() -> int:
    """Which of them this one is, from 0. The first alone writes and speaks."""
    return _number("RANK", 0)


def local_rank() -> int:
    """Which of those on this machine: the number of its GPU."""
    return _number("LOCAL_RANK", 0)


def _number(name: str, otherwise: int) -> int:
    told = os.environ.get(name, "")
    return int(told) if told.isdecimal() else otherwise
