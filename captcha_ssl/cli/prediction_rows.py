"""The lines that `predict` prints in each of its formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from captcha_ssl.cli.rows import Rows

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.predictor import Prediction

Format = Literal["text", "csv", "tsv", "jsonl", "labels", "label-studio"]
FORMATS: tuple[Format, ...] = get_args(Format)
HEADER = ("path", "text", "confidence", "error")
_LINE_BREAKS = {"\n": r"\n", "\r": r"\r"}
_ONE_LINE = str.maketrans(_LINE_BREAKS)
_ONE_CELL = str.maketrans(_LINE_BREAKS | {"\t": r"\t", "\\": r"\\"})


def rows_of(
    format: Format, min_confidence: float | None, *, model: Path | None, out: Path | None
) -> Rows:
    """The lines of a format, for texts that `model` reads and a file `out` (None: stdout)."""
    if format == "label-studio":
        from captcha_ssl.cli.label_studio import Tasks

        return Tasks("shipped" if model is None else model.name)
    if format == "labels":
        from captcha_ssl.cli.sure_labels import SureLabels

        return SureLabels(Path() if out is None else out.parent, min_confidence)
    return _Plain(format, min_confidence)


def doubtful(prediction: Prediction, min_confidence: float | None) -> bool | None:
    """Whether a confidence is below the limit; None without a limit or without a reading.

    An empty text counts as one of confidence 0.
    """
    reading = prediction.reading
    if min_confidence is None or reading is None:
        return None
    return reading.text_confidence < min_confidence


def one_cell(text: str) -> str:
    """A text as `--format tsv` has it in a cell."""
    return text.translate(_ONE_CELL)


class _Plain(Rows):
    """A line for each image: its text, or a row of cells, or a JSON object."""

    def __init__(self, format: Format, min_confidence: float | None) -> None:
        self._format, self._least = format, min_confidence
        heads = HEADER if min_confidence is None else (*HEADER, "doubtful")
        self.header = self._cells(heads) if format in ("csv", "tsv") else None

    def __call__(self, prediction: Prediction) -> str:
        doubt = doubtful(prediction, self._least)
        if self._format == "jsonl":
            mark = {} if doubt is None else {"doubtful": doubt}
            return json.dumps(_as_json(prediction) | mark)
        reading = prediction.reading
        text = reading.text if reading else ""
        if self._format == "text":
            return text.translate(_ONE_LINE)
        confidence = f"{reading.confidence:.6g}" if reading else ""
        cells = [prediction.path, text, confidence, prediction.error or ""]
        if self._least is not None:
            cells.append("" if doubt is None else str(int(doubt)))
        return self._cells(cells)

    def _cells(self, cells: Sequence[str]) -> str:
        if self._format == "csv":
            from captcha_ssl.spreadsheet import spreadsheet_row

            return spreadsheet_row(cells)
        return "\t".join(map(one_cell, cells))


def _as_json(prediction: Prediction) -> dict[str, Any]:
    reading = prediction.reading
    if reading is None:
        return {"path": prediction.path, "error": prediction.error}
    return {
        "path": prediction.path,
        "text": reading.text,
        "confidence": _short(reading.confidence),
        "char_confidences": [_short(value) for value in reading.char_confidences],
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")
