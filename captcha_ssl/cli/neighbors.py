"""`captcha-ssl neighbors`: see which images an encoder finds similar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from captcha_ssl.cli.embedding import embedded
from captcha_ssl.cli.options import (
    Device,
    FilesFrom,
    Quiet,
    Seed,
    data_argument,
    picture_file,
    piles,
    refuse_among_images,
)


def neighbors_command(
    *,
    data: Annotated[list[Path] | None, data_argument("Images")] = None,
    out: Annotated[Path, typer.Argument(metavar="FILE.png", help="The PNG to write.")],
    init_from: Annotated[
        Path,
        typer.Option("--init-from", metavar="RUN", help="A pretrain or finetune run, or its file."),
    ],
    files_from: FilesFrom = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=1, max=100, help="Images to compare.")
    ] = 12,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=8, help="Neighbors per image.")
    ] = 5,
    max_bad: Annotated[
        float, typer.Option(min=0, max=1, help="Stop if a larger share of the rows is unusable.")
    ] = 0.01,
    seed: Seed = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Draw images beside their nearest neighbors.

    Example: captcha-ssl neighbors pile/ sheet.png --init-from runs/encoder

    If neighbors share characters, the encoder has learned strokes. If they share only a color or a
    line, it has learned that instead.
    """
    picture_file("sheet", out)
    data = piles(data, files_from)
    refuse_among_images("sheet", out, data)
    from captcha_ssl.recognition.similarity.neighbors import write_neighbors

    images, vectors, _ = embedded(data, init_from, max_bad=max_bad, device=device, quiet=quiet)
    write_neighbors(out, images.images, vectors, rows=rows, count=count, seed=seed or 0)
    typer.echo(out)
