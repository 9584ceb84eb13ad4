"""Details of a reported run for the report: its loss curve and its worst errors."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.writers.png import encode_png
from captcha_ssl.documents import read_json
from captcha_ssl.recognition.evaluation.evaluate import Evaluation

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
WORST = 6
"""Errors that are kept for each run."""


@dataclass(frozen=True)
class Misreading:
    """A test image as PNG in base64, its label and what was read; perhaps the label is wrong."""

    png: str
    truth: str
    read: str
    wrong_label: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError if `png` is not a PNG: it is written into a web page."""
        # An empty picture is harmless.
        if self.png and not b64decode(self.png, validate=True).startswith(_SIGNATURE):
            raise ValueError("png: not a picture")

    @property
    def doubt(self) -> str:
        """What is said of the label behind the reading."""
        return " (probably a wrong label)" if self.wrong_label else ""


@dataclass(frozen=True)
class Details:
    """`losses` holds (step, training loss per character); `wrong` counts the texts misread."""

    losses: list[tuple[int, float]]
    wrong: int
    worst: list[Misreading]

    def __post_init__(self) -> None:
        """Raises ValueError for steps that are out of order."""
        steps = [step for step, _ in self.losses]
        if steps != sorted(set(steps)) or any(step < 1 for step in steps):
            raise ValueError("losses: steps out of order")


def details(losses: Sequence[tuple[int, float]], test: Dataset, read: Evaluation) -> Details:
    """The details of a run from its readings of the test images."""
    worst = read.worst()
    pictures = [b64encode(encode_png(test.images[i])).decode() for i in worst[:WORST]]
    accused = {suspect.position for suspect in read.suspects()}
    misread = [
        Misreading(png, read.labels[i], read.readings[i].text, i in accused)
        for png, i in zip(pictures, worst, strict=False)
    ]
    return Details(list(losses), len(worst), misread)


def write_details(file: Path, found: Details) -> None:
    """Write them. Raises OSError."""
    atomic_write_text(file, json.dumps(asdict(found), ensure_ascii=False) + "\n")


def read_details(file: Path) -> Details | None:
    """The details in `file`; None if an earlier version wrote none. Raises UserError."""
    if not file.exists():
        return None
    return read_json(file, Details, "remove it to do without its pictures")
