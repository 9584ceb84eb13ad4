"""Text from data as a person may see it: nothing in it commands a terminal, and nothing hides."""

from __future__ import annotations

# Printable by Unicode's categories, yet drawn as nothing: fillers, joiners, variation selectors.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
MOST = 200
"""Characters of a name, a label or a cell that a message shows."""
SCREEN = 1_800
"""Characters that a line of an error has at most: what fits on a screen of 80 × 24."""


def printable(text: str) -> str:
    """`text` with control, invisible, bidirectional and undecodable characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c not in _INVISIBLE else _escape(c) for c in text)


def shown(text: str, most: int = MOST) -> str:
    """`printable` text, cut in the middle where it is longer than `most` characters."""
    return shortened(printable(shortened(text, most)), most)


def one_line(error: Exception) -> str:
    """What a library says of an error, in one line and not too long."""
    return shown(" ".join(str(error).split()) or type(error).__name__)


def quoted(text: str, most: int = MOST) -> str:
    """`shown` text in quotation marks: for a label or a character within a message."""
    return f"'{shown(text, most)}'"


def shortened(text: str, most: int) -> str:
    """`text`, or its beginning and its end with what is left out counted between them."""
    if len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 4
    return f"{text[:head]}…[{len(text) - head - tail:,} more]…{text[-tail:]}"


def _escape(character: str) -> str:
    return ascii(character)[1:-1]
