"""The rows of `predict --format labels`: a table of those texts that the model is sure of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import COLUMNS, storable, table_row

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.predictor import Prediction

SURE = 0.9
"""The least confidence of a text that is taken as a label, unless another one is asked for."""


class SureLabels:
    """Rows of a table of labels in `folder`, for texts with at least the confidence `least`."""

    header: str | None = table_row(*COLUMNS)

    def __init__(self, folder: Path, least: float | None) -> None:
        self._folder, self._least = folder, SURE if least is None else least
        self._seen = self._sure = 0

    def __call__(self, prediction: Prediction) -> str | None:
        """The row of an image; None if its text is unsure, or empty, or a table cannot name it.

        Raises UserError for an image outside the folder of the table, which no table can reach.
        """
        self._seen += 1
        reading = prediction.reading
        if reading is None or not reading.text or reading.confidence < self._least:
            return None
        name = os.path.relpath(prediction.path, self._folder).replace(os.sep, "/")
        if name.startswith("../"):
            raise UserError(
                f"--format labels: a table in {self._folder.absolute()} cannot name "
                f"{prediction.path}; give it a place above the images with --out"
            )
        if not storable(name):
            return None
        self._sure += 1
        return table_row(name, reading.text)

    def end(self) -> None:
        """Nothing."""

    def remark(self) -> str:
        """How many texts are labels."""
        return (
            f"{self._sure:,} of {self._seen:,} texts are labels, those with a confidence of "
            f"{self._least:g} or more"
        )
