"""A report as one HTML file: embedded pictures, no script, no requests, every text escaped."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

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
from captcha_ssl.benchmark.runs.details import Misreading

_STYLE = """
:root { --ink: #22262e; --muted: #5b6470; --line: #dfe3e8; --accent: #0b7a75; --soft: #f5f7f8; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 28px 80px; }
h1 { font-size: 32px; margin: 0 0 8px; letter-spacing: -.01em; }
h2 { font-size: 21px; margin: 52px 0 14px; padding-top: 18px; border-top: 1px solid var(--line); }
p, li { max-width: 76ch; color: var(--ink); }
p { margin: 12px 0; }
code { font: 14px "DejaVu Sans Mono", ui-monospace, monospace; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 8px;
  padding: 14px 16px; white-space: pre-wrap; overflow-wrap: anywhere; }
.highlights { display: flex; flex-wrap: wrap; gap: 14px; margin: 24px 0 28px; }
.highlights div { flex: 1 1 200px; padding: 16px 18px; border-radius: 10px;
  background: var(--soft); border-left: 4px solid var(--accent); }
.highlights b { display: block; font-size: 27px; line-height: 1.25; color: var(--accent); }
.highlights span { font-size: 14px; color: var(--muted); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th { color: var(--muted); font-weight: 600; vertical-align: bottom;
  border-bottom: 2px solid var(--ink); }
th, td { padding: 6px 12px; text-align: right; }
td { border-bottom: 1px solid var(--line); white-space: nowrap; }
th.left, td.left { text-align: left; }
tbody tr:hover { background: var(--soft); }
tr.first td { border-top: 2px solid #b9c0c8; }
img.plot { display: block; max-width: 100%; height: auto; margin: 18px 0; }
.gallery { margin: 22px 0; }
.gallery h3 { font-size: 15px; margin: 0 0 8px; }
.gallery div { display: flex; flex-wrap: wrap; gap: 12px; }
figure { margin: 0; padding: 8px; border: 1px solid var(--line); border-radius: 8px; }
figure img { display: block; height: 50px; max-width: 320px; }
figcaption { font: 13px "DejaVu Sans Mono", ui-monospace, monospace; text-align: center;
  padding-top: 6px; }
figcaption i { color: #c0392b; font-style: normal; }
@media print { main { padding: 0; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


def web_page(title: str, blocks: Iterable[Block], folder: Path) -> str:
    """The page; the pictures are read from `folder`. Raises OSError if one is missing."""
    body = "\n".join(line for block in blocks for line in _html(block, folder))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block, folder: Path) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"<h{level}>{escape(text)}</h{level}>"
        case Text(text):
            yield f"<p>{_inline(text)}</p>"
        case Highlights(figures):
            cards = (f"<div><b>{escape(f)}</b><span>{escape(m)}</span></div>" for f, m in figures)
            yield f'<div class="highlights">{"".join(cards)}</div>'
        case Table():
            yield from _table(block)
        case Items(lines, numbered):
            kind = "ol" if numbered else "ul"
            yield f"<{kind}>{''.join(f'<li>{_inline(line)}</li>' for line in lines)}</{kind}>"
        case Picture(file, shows):
            data = b64encode((folder / file).read_bytes()).decode()
            yield f'<img class="plot" alt="{escape(shows)}" src="data:image/png;base64,{data}">'
        case Code(text):
            yield f"<pre><code>{escape(text)}</code></pre>"
        case Gallery(title, misread):
            tiles = "".join(map(_figure, misread))
            yield f'<div class="gallery"><h3>{escape(title)}</h3><div>{tiles}</div></div>'


def _table(table: Table) -> Iterator[str]:
    sides = [' class="left"' if head in table.left else "" for head in table.heads]
    heads = zip(sides, table.heads, strict=True)
    yield '<div class="wide"><table>'
    yield f"<thead><tr>{''.join(f'<th{s}>{escape(h)}</th>' for s, h in heads)}</tr></thead><tbody>"
    before = table.rows[0][0] if table.rows else ""
    for row in table.rows:
        # A line above each new value of the first column, such as the next label count.
        first = ' class="first"' if row[0] != before and table.heads[0] not in table.left else ""
        before = row[0]
        cells = "".join(f"<td{s}>{escape(c)}</td>" for s, c in zip(sides, row, strict=True))
        yield f"<tr{first}>{cells}</tr>"
    yield "</tbody></table></div>"


def _figure(misread: Misreading) -> str:
    truth, read = escape(misread.truth), escape(misread.read or "∅")
    return (
        f'<figure><img alt="{truth}" src="data:image/png;base64,{escape(misread.png)}">'
        f"<figcaption>{truth} → <i>{read}</i>{misread.doubt}</figcaption></figure>"
    )


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
