"""`captcha-ssl predict`: the texts in image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from captcha_ssl.cli.options import Cluster, Length, Quiet, ReadingDevice
from captcha_ssl.cli.prediction_rows import FORMATS, Format
from captcha_ssl.cli.reading import BATCH_SIZE, Output, read
from captcha_ssl.errors import UserError


def predict_command(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Files, datasets of any format, 'patterns*.png', or - for an image from stdin.",
            show_default=False,
        ),
    ] = None,
    files_from: Annotated[
        Path | None,
        typer.Option(
            "--files-from",
            metavar="FILE",
            help="Also read the image files named in this list, one per line; - for stdin.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="A finetune run, or a model file (.safetensors, .onnx); if absent, the model in "
            "the package.",
        ),
    ] = None,
    charset: Annotated[
        str | None,
        typer.Option("--charset", metavar="S", help="Read only these characters."),
    ] = None,
    length: Length = None,
    format: Annotated[
        Format | None,
        typer.Option(
            help="text: one line per image; labels: a table for finetune, with the texts whose "
            "confidence is at least --min-confidence (0.9 if absent); the others also give "
            "confidences. If absent: by the ending of --out, else text.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write to this file instead of stdout."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue --out; images that it has are not read again."),
    ] = False,
    cluster: Cluster = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=65_536, help="Images read at once on each core.")
    ] = BATCH_SIZE,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Mark texts with a lower confidence and empty ones, and exit with 1 if there are "
            "any; --format labels leaves them out.",
        ),
    ] = None,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt/--no-adapt",
            help="Without --model and with 40 images or more: trim or flatten them if the model "
            "is then more confident, and prefer the characters, the length and the form that "
            "nearly all of their texts have, for example 4 digits, or AAAA0000000.",
        ),
    ] = True,
    device: ReadingDevice = None,
    quiet: Quiet = False,
) -> None:
    """Print the text in each image, in the given order.

    Example: captcha-ssl predict pile/ --model runs/reader --format tsv > read.tsv

    An unreadable image is named on stderr and leaves an empty line (or an error in its row) on
    stdout; the exit code is then 1. With --min-confidence, so it is for a doubtful text, which is
    printed.

    With --out read.jsonl (or .tsv) an interrupted call is continued by --resume.
    """
    from captcha_ssl.data.name_list import Listed, read_names
    from captcha_ssl.recognition.reading.reader_spec import ReaderSpec

    names = list(images or ())
    if files_from is not None:
        names += map(Listed, read_names(files_from))
    elif not names:
        raise UserError("missing argument IMAGE: name files, folders or patterns, or --files-from")
    if resume and out is None:
        raise UserError("--resume continues a file: name it with --out")
    if format is None:
        ending = "" if out is None else out.suffix[1:].lower()
        named: list[Format] = [known for known in FORMATS if known == ending]
        format = named[0] if named else "text"
    code = read(
        names,
        ReaderSpec(model, charset, device or "auto", adapt, length),
        Output(format, min_confidence, out, resume),
        batch_size=batch_size,
        cluster=cluster,
        quiet=quiet,
    )
    if code:
        raise typer.Exit(code)
