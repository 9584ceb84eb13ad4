"""What a program says to the user beside its results: lines about the work, and warnings."""

from __future__ import annotations

import sys
from collections.abc import Callable

from captcha_ssl.launch import rank
from captcha_ssl.printable import SCREEN, shown

Say = Callable[[str], None]
"""Receives one line about the work."""


def silent(line: str) -> None:
    """Say nothing."""


def warn(message: str) -> None:
    """Print `message` as one line on stderr; of several ranks, only the first one prints."""
    if rank() or sys.stderr is None:
        return
    print(f"captcha-ssl: warning: {shown(' '.join(message.split()), SCREEN)}", file=sys.stderr)
