"""`captcha-ssl pretrain`: learn an encoder from images without labels."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captcha_ssl.cli.loading import load
from captcha_ssl.cli.options import (
    FilesFrom,
    Out,
    Quiet,
    data_argument,
    picture_file,
    piles,
    refuse_among_images,
    run_folder,
)
from captcha_ssl.launch import rank
from captcha_ssl.notice import warn

if TYPE_CHECKING:
    from captcha_ssl.data.geometry import Geometry
    from captcha_ssl.pretraining.config import PretrainConfig
    from captcha_ssl.pretraining.monitor import Probe
    from captcha_ssl.pretraining.pretrain import PretrainResult
    from captcha_ssl.training.settings import ModelSettings


def pretrain_command(
    config: PretrainConfig,
    data: Annotated[list[Path] | None, data_argument("Images; labels are ignored")] = None,
    files_from: FilesFrom = None,
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    probe: Annotated[
        Path | None,
        typer.Option("--probe", metavar="DATA", help="Labeled images to test the encoder on."),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            "--preview", metavar="FILE.png", help="Draw what the method sees, without training."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Learn an encoder from images without labels.

    Example: captcha-ssl pretrain images/ --out runs/simclr --epochs 20

    Prints the path of the model file. --settings method lists the methods; --preview draws the
    crops, views, masks or pieces that a method sees:

    captcha-ssl pretrain images/ --method jigsaw --preview jigsaw.png
    """
    data = piles(data, files_from)
    sheet = None if preview is None else picture_file("--preview", preview)
    if sheet is not None:
        refuse_among_images("--preview", sheet, data)
    folder = run_folder(out) if sheet is None else Path()
    quiet = quiet or rank() > 0

    from captcha_ssl.cli.training_progress import training_progress
    from captcha_ssl.pretraining.pretrain import run_pretraining
    from captcha_ssl.pretraining.preview import write_preview
    from captcha_ssl.pretraining.start import settle_start
    from captcha_ssl.training.init_from import adopt

    config, reason = settle_start(config, resumed=folder if resume else None)
    if reason and not quiet:
        print(reason, file=sys.stderr)
    model, geometry = adopt(config.model, config.pretrain.init_from)
    config = replace(config, model=model)
    stream = config.pretrain.stream
    images = load(data, model, labeled=False, quiet=quiet, geometry=geometry, stream=stream)
    if sheet is not None:
        for finding in write_preview(sheet, config, images):
            warn(finding)
        typer.echo(sheet)
        return
    look = None if probe is None else _probe(probe, config.model, images.geometry, quiet=quiet)
    with training_progress("pretrain", quiet=quiet) as observe:
        result = run_pretraining(config, images, folder, resume=resume, probe=look, observe=observe)
    if rank() == 0:
        _report(result, quiet=quiet)
        typer.echo(result.file)


def _probe(data: Path, model: ModelSettings, geometry: Geometry, *, quiet: bool) -> Probe:
    from captcha_ssl.data.charset import Charset
    from captcha_ssl.recognition.fine_tuning.probe import frozen_probe

    labeled = load(data, model, labeled=True, quiet=quiet, geometry=geometry, choose=False)
    return frozen_probe(labeled, Charset.from_labels(labeled.labels or ()))


def _report(result: PretrainResult, *, quiet: bool) -> None:
    from captcha_ssl.pretraining.monitor import summary

    for finding in result.findings:
        warn(finding)
    if not quiet:
        print(summary(result.figures), file=sys.stderr)
