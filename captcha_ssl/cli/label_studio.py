"""Readings as tasks with predictions that Label Studio imports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from captcha_ssl.cli.rows import Rows

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.predictor import Prediction

IMAGE, TEXT = "image", "transcription"
"""Names of the image and the text area in the labeling interface: see docs/file-formats.md."""


class Tasks(Rows):
    """The lines of a JSON list of tasks, one for each image when it is read by `model`."""

    def __init__(self, model: str) -> None:
        self._model, self._mark = model, "["

    def __call__(self, prediction: Prediction) -> str | None:
        """The line of an image; None for one that cannot be read."""
        made = task(prediction, self._model)
        if made is None:
            return None
        mark, self._mark = self._mark, ","
        return mark + made

    def end(self) -> str:
        """The end of the list."""
        return "[]" if self._mark == "[" else "]"


def task(prediction: Prediction, model: str) -> str | None:
    """The task of an image as one line of JSON; None for an image that cannot be read.

    Label Studio serves files below the folder it was started with for this (see the docs). The
    plain `path` comes back in its export, which finds the image by it.
    """
    reading = prediction.reading
    if reading is None:
        return None
    result = {
        "from_name": TEXT,
        "to_name": IMAGE,
        "type": "textarea",
        "value": {"text": [reading.text]},
    }
    guess: dict[str, Any] = {
        "model_version": model,
        "score": float(f"{reading.confidence:.6g}"),
        # If nothing was read, the text area stays empty and there is no prediction.
        "result": [result] if reading.text else [],
    }
    address = f"/data/local-files/?d={quote(prediction.path, errors='surrogateescape')}"
    data = {IMAGE: address, "path": prediction.path}
    return json.dumps({"data": data, "predictions": [guess]})
