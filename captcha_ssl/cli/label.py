"""`captcha-ssl label`: a local web page for typing the labels of images."""

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
            help="CSV table to create or continue: in the folder of the images, beside it or "
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
            help="The model that guesses: a finetune run, a model file, shipped or none; if "
            "absent, the newest round of --every, or the model in the package.",
        ),
    ] = None,
    charset: Annotated[
        str | None,
        typer.Option("--charset", metavar="S", help="Guess only these characters."),
    ] = None,
    count: Annotated[
        int,
        typer.Option("--count", metavar="N", min=1, help="Stop at this number of labels in all."),
    ] = 200,
    order: Annotated[
        Literal["random", "unsure", "suggest"] | None,
        typer.Option(
            help="Which images come first; if absent random, or unsure with --model and after the "
            "first round of --every.",
            show_default=False,
        ),
    ] = None,
    review: Annotated[
        bool,
        typer.Option("--review", help="Review the existing labels, doubtful ones first."),
    ] = False,
    every: Annotated[
        int | None,
        typer.Option(
            "--every", metavar="N", min=2, help="Train a better model after every N labels."
        ),
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            "--init-from",
            metavar="RUN",
            help="Encoder that --every starts from and --order suggest uses.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training of --every.")] = 1000,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free port.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    seed: Seed = None,
    device: ReadingDevice = None,
    quiet: Quiet = False,
) -> None:
    """Type labels on a local web page, with a model's guesses.

    Example: captcha-ssl label pile/ --out pile/labels.csv --model runs/reader

    Prints the address of the page, which no other machine can reach. Every label is on disk before
    the next image appears; the same command continues later. Ctrl-C stops it.
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
        if not quiet:
            print("open this address in a browser; Ctrl-C ends the page", file=sys.stderr)
        if browser:
            import webbrowser

            webbrowser.open(address)

    with ExitStack() as held:
        with progress_bar("reading", quiet=quiet) as progress:
            session = held.enter_context(prepare(images, wishes, progress))
        for note in () if quiet else session.guesses.notes:
            print(f"captcha-ssl: {note}", file=sys.stderr)
        if session.pile.left_out and not quiet:
            count = len(session.pile.left_out)
            print(
                f"{count:,} images left out: a table cannot represent their names",
                file=sys.stderr,
            )
        serve(session, port, ready)
        if not quiet:
            print(f"{len(session.answers):,} labels in {out}", file=sys.stderr)
