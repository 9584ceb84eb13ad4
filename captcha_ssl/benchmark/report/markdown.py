"""A report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from captcha_ssl.benchmark.report.blocks import (
    Block,
    Code,
    Gallery,
    Heading,
    Highlights,
    Items,
    Picture,
    Table,
    Text,
)
from captcha_ssl.printable import printable


def markdown(blocks: Iterable[Block]) -> str:
    """The blocks, separated by empty lines. Pictures stay files; a gallery becomes one line."""
    return "\n\n".join("\n".join(_lines(block)) for block in blocks) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"{'#' * level} {_plain(text)}"
        case Text(text):
            yield _plain(text)
        case Highlights(figures):
            yield from (f"- **{figure}** {_plain(meaning)}" for figure, meaning in figures)
        case Table(heads, rows, left):
            yield _row(heads)
            yield "|" + "".join(":--|" if head in left else "--:|" for head in heads)
            yield from map(_row, rows)
        case Items(lines, numbered):
            marks = (f"{n}." if numbered else "-" for n in range(1, len(lines) + 1))
            yield from (f"{mark} {_plain(line)}" for mark, line in zip(marks, lines, strict=True))
        case Picture(file, shows):
            yield f"![{shows}]({file})"
        case Code(text):
            fence = _fence(text, least=3)
            yield from (fence, text, fence)
        case Gallery(title, misread):
            read = ", ".join(f"{_code(m.truth)} → {_code(m.read or '∅')}{m.doubt}" for m in misread)
            yield f"- {title}: {read}" if misread else f"- {title}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_plain(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _plain(text: str) -> str:
    """Text in which names and labels are escaped, because Markdown allows HTML."""
    return printable(text).replace("<", "&lt;")


def _code(text: str) -> str:
    """Text as inline code, whatever marks it contains; line breaks would end the code."""
    text = printable(text)
    fence = _fence(text, least=1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _fence(text: str, least: int) -> str:
    """A longer run of backticks than any in `text`."""
    return "`" * max([least, *(len(run) + 1 for run in re.findall("`+", text))])
