"""The rows of `predict --format labels`: a table of those texts that the model is sure of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from captcha_ssl.cli.rows import Rows
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import COLUMNS, storable, table_row
from captcha_ssl.recognition.adaptation.settings import SURE

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.predictor import Prediction


class SureLabels(Rows):
    """Rows of a table of labels in `folder`, for texts with at least the confidence `least`."""

    header = table_row(*COLUMNS)

    def __init__(self, folder: Path, least: float | None) -> None:
        self._folder, self._least = folder, SURE if least is None else least
        self._seen = self._sure = 0

    def __call__(self, prediction: Prediction) -> str | None:
        """The row of an image; None if its text is unsure, or empty, or a table cannot name it."""
        reading = prediction.reading
        if reading is None:
            return None
        self._seen += 1
        name = self._name(prediction.path)
        if not reading.text or reading.confidence < self._least or not storable(name):
            return None
        self._sure += 1
        return table_row(name, reading.text)

    def check(self, paths: Iterable[str]) -> None:
        """Raise UserError if an image is outside the folder, where no row can name it."""
        for path in paths:
            if self._name(path).startswith("../"):
                raise UserError(
                    f"--format labels: a table in {self._folder.absolute()} cannot name {path}; "
                    "give it a place above the images with --out"
                )

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self._folder).replace(os.sep, "/")

    def remark(self) -> str:
        """How many texts are labels."""
        return (
            f"{self._sure:,} of {self._seen:,} texts are labels, those with a confidence of "
            f"{self._least:g} or more"
        )
