"""`captcha-ssl convert`: write a dataset in another format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from captcha_ssl.cli.options import FilesFrom, Quiet, data_argument, piles
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.printable import shown


def _formats() -> list[str]:
    from captcha_ssl.data.writers import FORMATS

    return list(FORMATS)


def convert_command(
    *,
    source: Annotated[list[Path] | None, data_argument("Images, labeled or not", "SOURCE")] = None,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder to write.")],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="packed, folder, lmdb, webdataset, parquet, huggingface, doctr or paddleocr.",
            autocompletion=_formats,
        ),
    ],
    files_from: FilesFrom = None,
    labels: Annotated[
        bool | None,
        typer.Option(
            "--labels/--no-labels",
            help="Require labels, or ignore them; if absent, use labels where they are evident.",
            show_default=False,
        ),
    ] = None,
    channels: Annotated[
        int, typer.Option(min=1, max=3, help="Channels of a common size: 1 for gray, 3 for color.")
    ] = 3,
    height: Annotated[
        int | None, typer.Option(min=1, max=8192, help="A common height, in pixels.")
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=1, max=8192, help="A common width, in pixels.")
    ] = None,
    max_bad: Annotated[
        float, typer.Option(min=0, max=1, help="Stop if a larger share of the rows is unusable.")
    ] = 0.01,
    quiet: Quiet = False,
) -> None:
    """Write one dataset, or several as one, in another format.

    Example: captcha-ssl convert shards/ more.zip merged/ --format parquet

    Images keep their size, except in packed, where all have the same. They are written as PNG.
    Prints the path of the folder. If rows are left out, stderr names them and the exit code is 1.
    """
    from captcha_ssl.data.convert import convert

    source = piles(source, files_from, called="SOURCE")
    with progress_bar("converting", quiet=quiet) as progress:
        done = convert(
            source,
            out,
            format,
            labels=labels,
            channels=channels,
            height=height,
            width=width,
            max_bad=max_bad,
            progress=progress,
        )
    if not quiet:
        size = "" if done.geometry is None else f" at {done.geometry}"
        kind = "labeled" if done.labeled else "unlabeled"
        print(f"{done.images:,} {kind} images{size} as {format}", file=sys.stderr)
        for note in done.notes:
            print(note, file=sys.stderr)
    for entry in done.rejected:
        print(f"captcha-ssl: left out: {shown(entry.row)}: {shown(entry.reason)}", file=sys.stderr)
    typer.echo(out)
    if done.rejected:
        raise typer.Exit(1)
