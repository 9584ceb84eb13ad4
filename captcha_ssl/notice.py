"""A word to the user that ends nothing."""

from __future__ import annotations

import sys

from captcha_ssl.launch import rank
from captcha_ssl.printable import SCREEN, shown


def warn(message: str) -> None:
    """Say `message` in one line on stderr; of several ranks only the first does."""
    if rank() or sys.stderr is None:
        return
    print(f"captcha-ssl: warning: {shown(' '.join(message.split()), SCREEN)}", file=sys.stderr)
