"""A warning to the user."""

from __future__ import annotations

import sys

from captcha_ssl.launch import rank
from captcha_ssl.printable import SCREEN, shown


def warn(message: str) -> None:
    """Print `message` as one line on stderr; of several ranks, only the first one prints."""
    if rank() or sys.stderr is None:
        return
    print(f"captcha-ssl: warning: {shown(' '.join(message.split()), SCREEN)}", file=sys.stderr)
