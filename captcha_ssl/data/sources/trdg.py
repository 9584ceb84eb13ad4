"""Datasets of TextRecognitionDataGenerator: its file names and its labels.txt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from captcha_ssl.data.image_kinds import SUFFIXES
from captcha_ssl.data.label_text import is_respelled, read_label
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.rows import TableRow
from captcha_ssl.data.sources.table import Files, source_of_rows
from captcha_ssl.text_file import first_line, iter_lines

LABELS = "labels.txt"


def is_trdg(folder: Path) -> bool:
    """Whether the labels.txt in `folder` has rows such as `0.jpg the text` (-nf 2)."""
    file = folder / LABELS
    first = first_line(file)
    name, space, text = first.partition(" ")
    return bool(space and text.strip()) and "\t" not in first and _is_image(name)


def open_trdg(folder: Path, want_labels: bool | None) -> FileSource:
    """The images of such a folder. Raises UserError when the table cannot be read."""
    table = folder / LABELS
    rows: list[TableRow] = []
    for number, line in enumerate(iter_lines(table), 1):
        if line.strip():
            name, _, written = line.strip().partition(" ")
            label, problem = read_label(written)
            rows.append(TableRow(number, name, label, None, problem, is_respelled(written)))
    kind = "TextRecognitionDataGenerator"
    return source_of_rows(kind, table, rows, Files(folder), want_labels=want_labels)


def labels_in_names(names: Sequence[str]) -> list[str] | None:
    """The texts in names such as `the text_0.jpg` (-nf 0) or `0_the text.jpg` (-nf 1).

    None unless the numbers are 0, 1, 2, …, each once, and not all texts are the same.
    """
    stems = [PurePosixPath(name).stem for name in names]
    behind = [stem.rpartition("_")[::2] for stem in stems]
    before = [stem.partition("_")[::2] for stem in stems]
    for texts, numbers in (
        ([text for text, _ in behind], [number for _, number in behind]),
        ([text for _, text in before], [number for number, _ in before]),
    ):
        if len(set(texts)) > 1 and all(texts) and _count_from_zero(numbers):
            return texts
    return None


def _count_from_zero(numbers: Sequence[str]) -> bool:
    plain = all(text.isascii() and text.isdecimal() and len(text) < 10 for text in numbers)
    return plain and set(numbers) == {str(number) for number in range(len(numbers))}


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES
