"""`captcha-ssl suggest`: which unlabeled images to label next."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from captcha_ssl.cli.embedding import embedded
from captcha_ssl.cli.options import Device, FilesFrom, Quiet, Seed, data_argument, piles
from captcha_ssl.errors import UserError
from captcha_ssl.notice import warn
from captcha_ssl.printable import printable, quoted
from captcha_ssl.text_file import iter_lines


def suggest_command(
    *,
    data: Annotated[list[Path] | None, data_argument("Images to choose from")] = None,
    init_from: Annotated[
        Path,
        typer.Option("--init-from", metavar="RUN", help="A pretrain or finetune run, or its file."),
    ],
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, help="Number of images to name.")
    ],
    files_from: FilesFrom = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            "--exclude",
            metavar="FILE",
            help="File with the names that are already labeled, one per line.",
        ),
    ] = None,
    format: Annotated[
        Literal["text", "jsonl"],
        typer.Option(help="text: one name per line; jsonl also gives the reason."),
    ] = "text",
    max_bad: Annotated[
        float, typer.Option(min=0, max=1, help="Stop if a larger share of the rows is unusable.")
    ] = 0.01,
    seed: Seed = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Print the names of the images to label next, best first.

    Example: captcha-ssl suggest pile/ --init-from runs/encoder --count 100 > to-label.txt

    The chosen images are far from each other and from those in --exclude in the encoder's
    embedding. If RUN is a recognizer, images that it is unsure of come first.

    On rendered captchas neither was better than a random choice. Label images at random, unless
    some kinds of them are rare.
    """
    from captcha_ssl.recognition.similarity.suggest import suggest

    images, vectors, uncertainty = embedded(
        piles(data, files_from), init_from, max_bad=max_bad, device=device, quiet=quiet
    )
    labeled = [] if exclude is None else _positions(exclude, images.names)
    for found in suggest(vectors, uncertainty, count, labeled=labeled, seed=seed or 0):
        name = images.names[found.index]
        row = {"name": name, "distance": found.distance, "uncertainty": found.uncertainty}
        typer.echo(_line(name) if format == "text" else json.dumps(row))
        if format == "text" and len(name.splitlines()) > 1:
            warn(f"{quoted(name)} is a name with line breaks; --format jsonl writes it in one line")


def _line(name: str) -> str:
    """A program gets the exact name; a terminal gets no control sequences."""
    return printable(name) if sys.stdout.isatty() else name


def _positions(file: Path, names: Sequence[str]) -> list[int]:
    """The indices of the names in a file. Raises UserError for an unknown name."""
    from captcha_ssl.data.spelling import Spellings

    spellings = Spellings(names)
    places = {name: place for place, name in enumerate(names)}
    found = []
    for line in iter_lines(file):
        if not line.strip():
            continue
        # First without stripping: a name may begin or end with a space.
        name = spellings.find(line) or spellings.find(line.strip())
        if name is None:
            raise UserError(
                f"--exclude {file}: {quoted(line.strip())} is not among the images; "
                f"names are like {quoted(names[0])}"
            )
        found.append(places[name])
    return found
