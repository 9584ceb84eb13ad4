"""The parts of a report, independent of its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captcha_ssl.benchmark.runs.details import Misreading


@dataclass(frozen=True)
class Heading:
    """The title of a section; level 1 is the title of the report."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; `code` is marked by backticks."""

    text: str


@dataclass(frozen=True)
class Highlights:
    """The most important figures, each with its meaning."""

    figures: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows of texts below `heads`; the columns in `left` are left-aligned."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[str]


@dataclass(frozen=True)
class Items:
    """A list, numbered or not."""

    lines: Sequence[str]
    numbered: bool = False


@dataclass(frozen=True)
class Picture:
    """A PNG beside the report, and what it shows."""

    file: str
    shows: str


@dataclass(frozen=True)
class Code:
    """A command to type."""

    text: str


@dataclass(frozen=True)
class Gallery:
    """Misread test images of one run."""

    title: str
    misread: Sequence[Misreading]


Block = Heading | Text | Highlights | Table | Items | Picture | Code | Gallery
