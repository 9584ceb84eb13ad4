"""`captcha-ssl suggest`: which unlabeled images to label next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from captcha_ssl.cli.embedding import embedded
from captcha_ssl.cli.options import Device, Quiet, Seed
from captcha_ssl.errors import UserError


def suggest(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Images to choose from; labels are not read.")
    ],
    init_from: Annotated[
        Path,
        typer.Option("--init-from", metavar="RUN", help="A pretrain or finetune run, or its file."),
    ],
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, help="Images to name.")],
    exclude: Annotated[
        Path | None,
        typer.Option("--exclude", metavar="FILE", help="Names that are labeled, one a line."),
    ] = None,
    format: Annotated[
        Literal["text", "jsonl"], typer.Option(help="text: one name a line; jsonl tells why too.")
    ] = "text",
    max_bad: Annotated[
        float, typer.Option(min=0, max=1, help="Share of unusable rows to put up with.")
    ] = 0.01,
    seed: Seed = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Print the names of the images to label next, best first.

    Example: captcha-ssl suggest pile/ --init-from runs/encoder --count 100 > to-label.txt

    They are unlike each other and unlike those in --exclude, in the eyes of the encoder; where
    RUN is a recognizer, images that it is unsure of come first.
    """
    from captcha_ssl.recognition.suggest import suggest as choose

    images, vectors, uncertainty = embedded(
        data, init_from, max_bad=max_bad, device=device, quiet=quiet
    )
    labeled = [] if exclude is None else _positions(exclude, images.names)
    for found in choose(vectors, uncertainty, count, labeled=labeled, seed=seed or 0):
        name = images.names[found.index]
        row = {"name": name, "distance": found.distance, "uncertainty": found.uncertainty}
        typer.echo(name if format == "text" else json.dumps(row))


def _positions(file: Path, names: Sequence[str]) -> list[int]:
    """Where the names in a file stand. Raises UserError for one that is not there."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--exclude {file}: not a readable list of names ({error})") from error
    places = {name: place for place, name in enumerate(names)}
    listed = [line.strip() for line in lines if line.strip()]
    for name in listed:
        if name not in places:
            raise UserError(
                f"--exclude {file}: {name!r} is not among the images; names are like {names[0]!r}"
            )
    return [places[name] for name in listed]
