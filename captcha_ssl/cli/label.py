"""`captcha-ssl label`: a page on which the labels of a pile are typed."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from captcha_ssl.cli.options import FilesFrom, Quiet, ReadingDevice, Seed, data_argument, piles
from captcha_ssl.cli.progress import progress_bar


def label_command(
    *,
    pile: Annotated[list[Path] | None, data_argument("Images to label", "PILE")] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="TABLE",
            help="The table filename,label to write or go on with, beside PILE, in its folder or "
            "above.",
        ),
    ],
    files_from: FilesFrom = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="What guesses: a finetune run, a model file, shipped or none; if absent, the "
            "newest round of --every, or the one that came with the package.",
        ),
    ] = None,
    charset: Annotated[
        str | None,
        typer.Option("--charset", metavar="S", help="Guess these characters and no others."),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, help="Labels to come to in all.")
    ] = 200,
    order: Annotated[
        Literal["random", "unsure", "suggest"] | None,
        typer.Option(
            help="Which images come first; unsure where --model is given, else random.",
            show_default=False,
        ),
    ] = None,
    review: Annotated[
        bool,
        typer.Option("--review", help="Go through the labels that are there, doubtful ones first."),
    ] = False,
    every: Annotated[
        int | None,
        typer.Option(
            "--every", metavar="N", min=2, help="Train a better guesser after every N labels."
        ),
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            "--init-from", metavar="RUN", help="What --every starts from, and --order suggest uses."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training of --every.")] = 1000,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0: any that is free.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page by itself.")
    ] = True,
    seed: Seed = None,
    device: ReadingDevice = None,
    quiet: Quiet = False,
) -> None:
    """Type labels on a local page, beside what a model reads.

    Example: captcha-ssl label pile/ --out pile/labels.csv --model runs/reader

    Prints the address of the page, which no other machine can reach. Every label is on the disk
    before the next image shows; the same command goes on where it was left. Ctrl-C stops it.
    """
    from captcha_ssl.labeling.prepare import Wishes, prepare
    from captcha_ssl.labeling.server import serve

    images = piles(pile, files_from, called="PILE")
    wishes = Wishes(
        table=out,
        model=model,
        charset=charset,
        init_from=init_from,
        count=count,
        order=order,
        review=review,
        every=every,
        steps=steps,
        seed=seed or 0,
        device=device or "auto",
    )

    def ready(address: str) -> None:
        typer.echo(address)
        sys.stdout.flush()
        if browser:
            import webbrowser

            webbrowser.open(address)

    with ExitStack() as held:
        with progress_bar("reading", quiet=quiet) as progress:
            session = held.enter_context(prepare(images, wishes, progress))
        if session.pile.left_out and not quiet:
            count = len(session.pile.left_out)
            print(f"{count:,} images left out: no table can hold their names", file=sys.stderr)
        serve(session, port, ready)
        if not quiet:
            print(f"{len(session.answers):,} labels in {out}", file=sys.stderr)
