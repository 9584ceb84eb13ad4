"""`captcha-ssl generate`: render a labeled dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from captcha_ssl.cli.options import Config, PrintConfig, Quiet, Seed, Set
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.launch import rank, ranks


def generate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the dataset.")],
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", help="Pictures in the whole dataset.")
    ] = None,
    length: Annotated[
        str | None,
        typer.Option("--length", metavar="N|A-B", help="Characters: 4, or 4-6, or 4,3-8."),
    ] = None,
    charset: Annotated[
        str | None,
        typer.Option("--charset", metavar="S", help="Characters to draw from; 0-9 and A-Z."),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="NAME",
            help="classic, fast, mixed, plain, smeared, rippled, dotted, "
            "hollow, wavy, gradual, cluttered, outlined, long, onebit, jpeg, plate, "
            "meter or broad; or several: plain,wavy.",
        ),
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="packed, folder or lmdb.")
    ] = None,
    height: Annotated[int | None, typer.Option("--height", help="Pixels; 60.")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Pixels; 160.")] = None,
    channels: Annotated[
        int | None, typer.Option("--channels", help="3 for color, 1 for gray; 3.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Processes; as many as pay off.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Write part I (from 1) of N equal parts."),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE.png", help="Draw a sheet of the first pictures."),
    ] = None,
    seed: Seed = None,
    config: Config = None,
    assignments: Set = None,
    print_config: PrintConfig = False,
    quiet: Quiet = False,
) -> None:
    """Render labeled pictures of random text.

    Example: captcha-ssl generate pile/ --count 10000 --style mixed --length 4-6

    Picture I depends on the seed and I alone: not on the workers, the shards or the format.
    """
    flags = {
        "count": count,
        "length": length,
        "charset": charset,
        "style": style,
        "format": format,
        "height": height,
        "width": width,
        "channels": channels,
        "workers": workers,
        "shard": shard,
        "seed": seed,
    }
    if ranks() > 1 and shard is None:
        # Every process a shard of its own, in a folder of its own.
        flags["shard"] = f"{rank() + 1}/{ranks()}"
        out = out.with_name(f"{out.name}-{rank() + 1}-of-{ranks()}")
    from captcha_ssl.settings import resolve, to_toml
    from captcha_ssl.synthesis.generate import GenerateSettings
    from captcha_ssl.synthesis.generate import generate as write_dataset
    from captcha_ssl.synthesis.render import PictureSettings

    classes = (PictureSettings, GenerateSettings)
    picture, job = resolve(classes, file=config, assignments=assignments or (), flags=flags)
    if print_config:
        typer.echo(to_toml(picture, job), nl=False)
        return
    with progress_bar("drawing", quiet=quiet) as progress:
        indices = write_dataset(out, picture, job, preview=preview, progress=progress)
    size = f"{picture.width}×{picture.height}×{picture.channels}"
    typer.echo(
        f"{out}: {len(indices):,} pictures {size}, style {picture.style}, seed {picture.seed}, "
        f"indices {indices.start} to {indices.stop - 1}"
    )
