"""What a reported run leaves for a reader besides its figures: its loss and its worst errors."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.writers.png import encode_png
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.evaluate import Evaluation

WORST = 6
"""Errors that are kept of a run."""


@dataclass(frozen=True)
class Misreading:
    """A test image as PNG in base64, its label and what was read."""

    png: str
    truth: str
    read: str


@dataclass(frozen=True)
class Details:
    """`losses` holds (step, training loss per character); `wrong` counts the texts misread."""

    losses: list[tuple[int, float]]
    wrong: int
    worst: list[Misreading]


def details(losses: Sequence[tuple[int, float]], test: Dataset, read: Evaluation) -> Details:
    """The details of a run that read the test images."""
    worst = read.worst()
    pictures = [b64encode(encode_png(test.images[i])).decode() for i in worst[:WORST]]
    misread = [
        Misreading(png, read.labels[i], read.readings[i].text)
        for png, i in zip(pictures, worst, strict=False)
    ]
    return Details(list(losses), len(worst), misread)


def write_details(file: Path, found: Details) -> None:
    """Write them. Raises OSError."""
    atomic_write_text(file, json.dumps(asdict(found), ensure_ascii=False) + "\n")


def read_details(file: Path) -> Details | None:
    """The details in `file`; None where an earlier version left none. Raises UserError."""
    if not file.exists():
        return None
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        losses = [(int(step), float(loss)) for step, loss in stored["losses"]]
        worst = [Misreading(**misread) for misread in stored["worst"]]
        return Details(losses, int(stored["wrong"]), worst)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file}: damaged; remove it to do without its pictures") from error
