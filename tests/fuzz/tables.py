"""Tables of labels as people and programs write them, right and wrong, made from a number.

What is learned of a row must be what was meant by it: a table that is understood otherwise than it
was written is a finding, though nothing crashed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from random import Random

_CELLS = (
    "A",
    "007",
    "1,234",
    "1;2",
    "a\tb",
    '5"',
    '"',
    '""',
    "'x'",
    "x y",
    " x ",
    "NA",
    "null",
    "-1",
    "é",
    "e\u0301",
    "日本",
    "\u202eABC",
    "a\u200bb",
    "\x1b[31m",
    "\ufeff",
    "a\u2028b",
    "𝔸",
    "=1+1",
    "<b>",
    "a\nb",
    "a\r\nb",
    "",
    " ",
    ",",
    ",,",
    '",',
    ',"',
    "A" * 300,
    "\x00",
    "\x85",
)
_NAMES = ("0.png", "é.png", "e\u0301x.png", "a b.png", "c,d.png", "q'.png", "sub/1.png", "UP.PNG")
_ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1")
_HEADS = (("filename", "label"), ("label", "path"), ("", "name", "text"), None)


@dataclass(frozen=True)
class Table:
    """The bytes of a table, its name, and the label that was meant for each image."""

    name: str
    data: bytes
    meant: dict[str, str | None]


def names() -> tuple[str, ...]:
    """The images that the tables are about."""
    return _NAMES


def table(rng: Random) -> Table:
    """One table; some of its rows are written as no careful program would."""
    delimiter, ending = rng.choice("\t,,;"), rng.choice(("\n", "\n", "\r\n", "\r"))
    head = rng.choice(_HEADS)
    lines = [] if head is None else [delimiter.join(head)]
    meant: dict[str, str | None] = {}
    for place, name in enumerate(rng.sample(_NAMES, len(_NAMES))):
        label = "".join(rng.choices(_CELLS, k=rng.choice((1, 1, 1, 2, 3))))
        key = _respelled(rng, name)
        cells = _placed(head, key, label, place)
        careless = rng.random() < 0.4
        lines.append(delimiter.join(_cell(rng, cell, delimiter, careless) for cell in cells))
        meant[name] = _meant(label, careless)
        if rng.random() < 0.15:
            lines.append(
                rng.choice(("", delimiter, delimiter * 5, '"', f'"{delimiter}', "nonsense"))
            )
    text = ending.join(lines) + rng.choice((ending, ""))
    data = text.encode(rng.choice(_ENCODINGS), "replace")
    return Table("labels.tsv" if delimiter == "\t" else "labels.csv", data, meant)


def understood(written: Table, learned: dict[str, str]) -> str:
    """What is wrong with the labels that were `learned`; nothing when they are what was meant.

    An image may be rejected."""
    for name, label in learned.items():
        meant = written.meant[name]
        if meant is not None and label != meant and "?" not in label:
            return f"{name!r} was meant as {meant!r} and learned as {label!r}"
    return ""


def _meant(label: str, careless: bool) -> str | None:
    """What must be learned of a label; None where the table itself does not say it.

    Without quotes around it, a label with the end of a line in it is two rows, and one that is
    itself in quotation marks a cell in quotes.
    """
    text = label.strip()
    if careless and (set(text) & set("\r\n") or (text[:1] == text[-1:] == '"')):
        return None
    return unicodedata.normalize("NFC", text)


def _placed(head: tuple[str, ...] | None, key: str, label: str, place: int) -> list[str]:
    if head == ("label", "path"):
        return [label, key]
    return [str(place), key, label] if head and len(head) == 3 else [key, label]


def _cell(rng: Random, text: str, delimiter: str, careless: bool) -> str:
    """A cell in quotes where it must be, or always, or (careless) just as it is."""
    if careless or (delimiter == "\t" and not set(text) & set('\t\r\n"')):
        return text
    needed = any(mark in text for mark in (delimiter, '"', "\n", "\r"))
    return '"' + text.replace('"', '""') + '"' if needed or rng.random() < 0.3 else text


def _respelled(rng: Random, name: str) -> str:
    form = rng.choice(("NFC", "NFD", "NFC"))
    written = unicodedata.normalize(form, name)
    return rng.choice((written, written, written.replace("/", "\\"), f"./{written}"))


def build(folder: Path) -> None:
    """The images that the tables are about."""
    import numpy as np
    from PIL import Image

    for seed, name in enumerate(_NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 24), np.uint8)
        Image.fromarray(pixels).save(path, "PNG")
