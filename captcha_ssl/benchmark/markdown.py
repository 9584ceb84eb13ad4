"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from captcha_ssl.benchmark.blocks import (
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
            yield from ("```", text, "```")
        case Gallery(title, misread):
            read = ", ".join(f"`{m.truth}` → `{m.read or '∅'}`" for m in misread)
            yield f"- {title}: {read}" if misread else f"- {title}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
