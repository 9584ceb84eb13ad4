"""Reads images and prints their texts: the work of `captcha-ssl predict`, without typer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.errors import UserError
from captcha_ssl.printable import SCREEN, printable, shown

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.inputs import Input
    from captcha_ssl.recognition.reading.predictor import Prediction

Format = Literal["text", "csv", "tsv", "jsonl", "label-studio"]
FORMATS: tuple[Format, ...] = get_args(Format)
HEADER = ("path", "text", "confidence", "error")
BATCH_SIZE = 16
_LINE_BREAKS = {"\n": r"\n", "\r": r"\r"}
_ONE_LINE = str.maketrans(_LINE_BREAKS)
_ONE_CELL = str.maketrans(_LINE_BREAKS | {"\t": r"\t", "\\": r"\\"})


def read(
    images: Sequence[str],
    *,
    model: Path | None = None,
    charset: str | None = None,
    length: str | None = None,
    format: Format = "text",
    batch_size: int = BATCH_SIZE,
    min_confidence: float | None = None,
    adapt: bool = True,
    device: str = "auto",
    quiet: bool = False,
    out: Path | None = None,
    resume: bool = False,
    cluster: str | None = None,
) -> int:
    """Print the text in each image, in the given order; returns the exit code of `predict`.

    With `adapt`, the shipped model adapts to many images and notes it on stderr. With `out` the
    rows go to that file, after those that a call to be resumed has left there. With `cluster` its
    workers read.

    Raises UserError for a model, a charset or a length that does not work, and for an `out` that
    holds something else.
    """
    from captcha_ssl.recognition.reading.inputs import Inputs
    from captcha_ssl.recognition.reading.predictor import Predictor
    from captcha_ssl.recognition.reading.reader_spec import ReaderSpec

    inputs, spec = Inputs(images), ReaderSpec(model, charset, device, adapt, length)
    reader, notes = spec.open(inputs)
    for what in () if quiet else notes:
        print(f"captcha-ssl: {what} (turn this off with --no-adapt)", file=sys.stderr)
    with ExitStack() as held:
        file, first, failed = sys.stdout, 0, False
        if out is not None:
            from captcha_ssl.cli.reading_file import opened

            file, done = held.enter_context(opened(out, format, resume=resume))
            first, failed = done.rows, done.failed
            _check_same(out, inputs, first, done.last, format)
        if cluster is None:
            rest = inputs if not first else (inputs[at] for at in range(first, len(inputs)))
            predictions = Predictor(reader).predict(rest, batch_size)
        else:
            from captcha_ssl.recognition.reading.parts import read_parts
            from captcha_ssl.workers.choice import choose_workers
            from captcha_ssl.workers.cluster import on_cluster

            held.enter_context(on_cluster(cluster))
            crew = choose_workers(1, setting="workers", prepare=int)
            predictions = read_parts(crew, spec, images, inputs, first, batch_size)
        failed |= _write(
            predictions,
            file,
            first,
            len(inputs),
            model=model,
            format=format,
            min_confidence=min_confidence,
            quiet=quiet,
        )
    if out is not None:
        print(out)
    return int(failed)


def _check_same(
    out: Path, inputs: Sequence[Input], rows: int, last: str | None, format: str
) -> None:
    """Raise UserError where a file is of other images."""
    if not rows:
        return
    name = inputs[rows - 1].name if rows <= len(inputs) else None
    if name is not None and format == "tsv":
        name = name.translate(_ONE_CELL)
    if name != last:
        raise UserError(
            f"--out {out}: its {rows:,} rows are of other images; give those it was started with, "
            "or another name"
        )


def _write(
    predictions: Iterable[Prediction],
    file: IO[str],
    first: int,
    count: int,
    *,
    model: Path | None,
    format: Format,
    min_confidence: float | None,
    quiet: bool,
) -> bool:
    """Write a row for each prediction, from that of image `first` on; whether any failed."""
    failed = False
    if format in ("csv", "tsv") and (file is sys.stdout or not file.tell()):
        heads = HEADER if min_confidence is None else (*HEADER, "doubtful")
        print(_cells(heads, format), file=file)
    to_program = not file.isatty()
    tasks = _Tasks("shipped" if model is None else model.name) if format == "label-studio" else None
    with progress_bar("reading", quiet=quiet or not to_program) as progress:
        for done, prediction in enumerate(predictions, start=first + 1):
            doubtful = _doubtful(prediction, min_confidence)
            row = tasks(prediction) if tasks else _row(prediction, format, min_confidence)
            # A program gets the exact text; a terminal gets no control sequences.
            if row is not None:
                shape = row if to_program else "\t".join(map(printable, row.split("\t")))
                print(shape, file=file)
            failed |= bool(doubtful or prediction.error)
            note = _note(prediction, format, doubtful)
            if note:
                print(f"captcha-ssl: {shown(note, SCREEN)}", file=sys.stderr)
            progress(done, count)
    if tasks:
        print(tasks.end(), file=file)
    return failed


class _Tasks:
    """The lines of a JSON list of Label Studio tasks, one for each image when it is read."""

    def __init__(self, model: str) -> None:
        self._model, self._mark = model, "["

    def __call__(self, prediction: Prediction) -> str | None:
        from captcha_ssl.cli.label_studio import task

        made = task(prediction, self._model)
        if made is None:
            return None
        mark, self._mark = self._mark, ","
        return mark + made

    def end(self) -> str:
        return "[]" if self._mark == "[" else "]"


def _doubtful(prediction: Prediction, min_confidence: float | None) -> bool | None:
    """Whether a confidence is below the limit; None without a limit or without a text."""
    if min_confidence is None or prediction.reading is None:
        return None
    return prediction.reading.confidence < min_confidence


def _note(prediction: Prediction, format: Format, doubtful: bool | None) -> str | None:
    """The line on stderr about an image: always for an error, for a doubt if no field shows it."""
    if prediction.error is not None:
        return f"error: {prediction.path}: {prediction.error}"
    if not doubtful or format != "text" or prediction.reading is None:
        return None
    reading = prediction.reading
    return f"doubtful: {prediction.path}: {reading.text} ({reading.confidence:.2f})"


def _row(prediction: Prediction, format: Format, min_confidence: float | None) -> str:
    doubtful = _doubtful(prediction, min_confidence)
    if format == "jsonl":
        mark = {} if doubtful is None else {"doubtful": doubtful}
        return json.dumps(_as_json(prediction) | mark)
    reading = prediction.reading
    text = reading.text if reading else ""
    if format == "text":
        return text.translate(_ONE_LINE)
    confidence = f"{reading.confidence:.6g}" if reading else ""
    cells = [prediction.path, text, confidence, prediction.error or ""]
    if min_confidence is not None:
        cells.append("" if doubtful is None else str(int(doubtful)))
    return _cells(cells, format)


def _cells(cells: Sequence[str], format: Format) -> str:
    if format == "csv":
        from captcha_ssl.spreadsheet import spreadsheet_row

        return spreadsheet_row(cells)
    return "\t".join(cell.translate(_ONE_CELL) for cell in cells)


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
