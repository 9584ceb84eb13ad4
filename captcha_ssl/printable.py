"""Makes text from data safe to print: no control sequences, no invisible characters."""

from __future__ import annotations

# Printable by Unicode category, but invisible: fillers, joiners, variation selectors.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
MOST = 200
"""The longest name, label or cell in a message, in characters."""
SCREEN = 1_800
"""The longest error line in characters: it fits on a screen of 80 × 24."""


def printable(text: str) -> str:
    """`text` with control, invisible, bidirectional and undecodable characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c not in _INVISIBLE else _escape(c) for c in text)


def shown(text: str, most: int = MOST) -> str:
    """`printable` text, shortened in the middle if it is longer than `most` characters."""
    return shortened(printable(shortened(text, most)), most)


def one_line(error: Exception) -> str:
    """The message of a library's exception as one short line."""
    return shown(" ".join(str(error).split()) or type(error).__name__)


def quoted(text: str, most: int = MOST) -> str:
    """`shown` text in quotation marks, for a label or a character in a message."""
    return f"'{shown(text, most)}'"


def shortened(text: str, most: int) -> str:
    """`text`, or its beginning and end with the number of omitted characters between them."""
    if len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 4
    return f"{text[:head]}…[{len(text) - head - tail:,} more]…{text[-tail:]}"


def _escape(character: str) -> str:
    return ascii(character)[1:-1]
