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


def markdown(blocks: Iterable[Block]) -> str:
    """The blocks, one empty line between two. Pictures stay files; galleries become a line."""
    return "\n\n".join("\n".join(_lines(block)) for block in blocks) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"{'#' * level} {text}"
        case Text(text):
            yield text
        case Highlights(figures):
            yield from (f"- **{figure}** {meaning}" for figure, meaning in figures)
        case Table(heads, rows, left):
            yield _row(heads)
            yield "|" + "".join(":--|" if head in left else "--:|" for head in heads)
            yield from map(_row, rows)
        case Items(lines, numbered):
            marks = (f"{n}." if numbered else "-" for n in range(1, len(lines) + 1))
            yield from (f"{mark} {line}" for mark, line in zip(marks, lines, strict=True))
        case Picture(file, shows):
            yield f"![{shows}]({file})"
        case Code(text):
            fence = _fence(text, least=3)
            yield from (fence, text, fence)
        case Gallery(title, misread):
            read = ", ".join(f"{_code(m.truth)} → {_code(m.read or '∅')}" for m in misread)
            yield f"- {title}: {read}" if misread else f"- {title}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str) -> str:
    """Text as it is, whatever marks it holds."""
    fence = _fence(text, least=1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _fence(text: str, least: int) -> str:
    """More backticks than there are in a row in `text`."""
    return "`" * max([least, *(len(run) + 1 for run in re.findall("`+", text))])
