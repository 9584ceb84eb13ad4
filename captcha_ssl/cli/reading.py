"""Reads images and prints their texts: the work of `captcha-ssl predict`, without typer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
    from captcha_ssl.recognition.reading.reader_spec import ReaderSpec

BATCH_SIZE = 16
_MANY, _UNSURE = 20, 0.4
"""Of so many texts, with a lower mean confidence, a user is told what to do."""


@dataclass(frozen=True)
class Output:
    """What is written of each image, and where: to stdout, or to `file`.

    With `resume` the rows go behind those that an interrupted call has left in the file. Texts with
    a confidence below `min_confidence` are doubtful.
    """

    format: Format = "text"
    min_confidence: float | None = None
    file: Path | None = None
    resume: bool = False


PLAIN = Output()
"""A line of text for each image on stdout."""


def read(
    images: Sequence[str],
    spec: ReaderSpec | None = None,
    output: Output = PLAIN,
    *,
    batch_size: int = BATCH_SIZE,
    cluster: str | None = None,
    quiet: bool = False,
) -> int:
    """Write the text in each image, in the given order; returns the exit code of `predict`.

    Without a `spec` the shipped model reads. Where it is fitted to many images, that is noted on
    stderr. With `cluster` its workers read.

    Raises UserError for a model, a charset or a length that does not work, and for a file that
    holds something else.
    """
    from captcha_ssl.recognition.reading.inputs import Inputs
    from captcha_ssl.recognition.reading.predictor import Predictor
    from captcha_ssl.recognition.reading.reader_spec import ReaderSpec

    inputs, spec = Inputs(images), spec or ReaderSpec()
    rows = rows_of(output.format, output.min_confidence, model=spec.model, out=output.file)
    rows.check(item.name for item in inputs)
    reader, notes = spec.open(inputs)
    for what in () if quiet else notes:
        print(f"captcha-ssl: {what} (turn this off with --no-adapt)", file=sys.stderr)
    with ExitStack() as held:
        file, first, failed = sys.stdout, 0, False
        if output.file is not None:
            from captcha_ssl.cli.reading_file import opened

            before = opened(output.file, output.format, resume=output.resume)
            file, done = held.enter_context(before)
            first, failed = done.rows, done.failed
            _check_same(output.file, inputs, first, done.last, output.format)
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
        failed |= _write(predictions, file, first, len(inputs), rows, output, quiet=quiet)
    if output.file is not None:
        print(output.file)
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
    rows: Rows,
    output: Output,
    *,
    quiet: bool,
) -> bool:
    """Write a row for each prediction, from that of image `first` on; whether any failed.

    In plain text a doubt cannot be seen, and is noted on stderr.
    """
    failed, to_program = False, not file.isatty()
    # What is unsure is no label, and nothing that has failed.
    least = None if output.format == "labels" else output.min_confidence
    confidences: list[float] = []
    if rows.header is not None and (file is sys.stdout or not file.tell()):
        print(rows.header, file=file)
    with progress_bar("reading", quiet=quiet or not to_program) as progress:
        for done, prediction in enumerate(predictions, start=first + 1):
            row, doubt = rows(prediction), doubtful(prediction, least)
            # A program gets the exact text; a terminal gets no control sequences.
            if row is not None:
                shape = row if to_program else "\t".join(map(printable, row.split("\t")))
                print(shape, file=file)
            failed |= bool(doubt or prediction.error)
            if prediction.reading is not None:
                confidences.append(prediction.reading.text_confidence)
            note = _note(prediction, bool(doubt) and output.format == "text")
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
