"""`captcha-ssl generate`: render a labeled dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captcha_ssl.cli.options import Cluster, Quiet
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.launch import rank, ranks

if TYPE_CHECKING:
    from captcha_ssl.synthesis.config import GenerateConfig


def generate_command(
    config: GenerateConfig,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the dataset.")],
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE.png", help="Draw a sheet of the first pictures."),
    ] = None,
    cluster: Cluster = None,
    quiet: Quiet = False,
) -> None:
    """Render labeled pictures of random text.

    Example: captcha-ssl generate pile/ --count 10000 --style mixed --length 4-6

    Picture I depends only on the seed and I, not on the workers, the shards or the format.
    --settings style lists the styles.
    """
    from captcha_ssl.synthesis.generate import generate
    from captcha_ssl.workers.cluster import on_cluster

    picture, job = config.picture, config.job
    if ranks() > 1 and job.explicit("shard") is None:
        # Every process writes its own shard to its own folder.
        job = job.replace(shard=f"{rank() + 1}/{ranks()}")
        out = out.with_name(f"{out.name}-{rank() + 1}-of-{ranks()}")
    with on_cluster(cluster), progress_bar("drawing", quiet=quiet) as progress:
        indices = generate(out, picture, job, preview=preview, progress=progress)
    size = f"{picture.width}×{picture.height}×{picture.channels}"
    typer.echo(
        f"{out}: {len(indices):,} pictures {size}, style {picture.style}, seed {picture.seed}, "
        f"indices {indices.start} to {indices.stop - 1}"
    )
