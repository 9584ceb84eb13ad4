"""Reads images and prints their texts: the work of `captcha-ssl predict`, without typer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from captcha_ssl.cli.prediction_rows import Format, doubtful, one_cell, rows_of
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.cli.rows import Rows
from captcha_ssl.errors import UserError
from captcha_ssl.printable import SCREEN, printable, shown

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.inputs import Input
    from captcha_ssl.recognition.reading.predictor import Prediction

BATCH_SIZE = 16
_MANY, _UNSURE = 20, 0.4
"""Of so many texts, with a lower mean confidence, a user is told what to do."""


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
    rows = rows_of(format, min_confidence, model=model, out=out)
    rows.check(item.name for item in inputs)
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
            rows=rows,
            # What is unsure is no label, and nothing that has failed.
            min_confidence=None if format == "labels" else min_confidence,
            named=format != "text",
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
        name = one_cell(name)
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
    rows: Rows,
    min_confidence: float | None,
    named: bool,
    quiet: bool,
) -> bool:
    """Write a row for each prediction, from that of image `first` on; whether any failed.

    In rows that are not `named` a doubt cannot be seen, and is noted.
    """
    failed, to_program = False, not file.isatty()
    confidences: list[float] = []
    if rows.header is not None and (file is sys.stdout or not file.tell()):
        print(rows.header, file=file)
    with progress_bar("reading", quiet=quiet or not to_program) as progress:
        for done, prediction in enumerate(predictions, start=first + 1):
            row, doubt = rows(prediction), doubtful(prediction, min_confidence)
            # A program gets the exact text; a terminal gets no control sequences.
            if row is not None:
                shape = row if to_program else "\t".join(map(printable, row.split("\t")))
                print(shape, file=file)
            failed |= bool(doubt or prediction.error)
            if prediction.reading is not None:
                confidences.append(prediction.reading.text_confidence)
            note = _note(prediction, bool(doubt) and not named)
            if note:
                print(f"captcha-ssl: {shown(note, SCREEN)}", file=sys.stderr)
            progress(done, count)
    last = rows.end()
    if last is not None:
        print(last, file=file)
    remark = None if quiet else rows.remark()
    if remark is not None:
        print(remark, file=sys.stderr)
    if not quiet and len(confidences) >= _MANY:
        _advise(sum(confidences) / len(confidences))
    return failed


def _advise(confidence: float) -> None:
    """Say what helps where the model is unsure of most texts."""
    if confidence < _UNSURE:
        print(
            f"captcha-ssl: the model is unsure of these images (mean confidence {confidence:.0%}); "
            "label some with captcha-ssl label, and fine-tune it with captcha-ssl finetune",
            file=sys.stderr,
        )


def _note(prediction: Prediction, doubt: bool) -> str | None:
    """The line on stderr about an image: always for an error, and for a doubt if asked for."""
    reading = prediction.reading
    if prediction.error is not None:
        return f"error: {prediction.path}: {prediction.error}"
    if not doubt or reading is None:
        return None
    return f"doubtful: {prediction.path}: {reading.text} ({reading.confidence:.2f})"
