"""`captcha-ssl pretrain`: learn an encoder from images without labels."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from captcha_ssl.cli.loading import load
from captcha_ssl.cli.options import (
    Config,
    Deterministic,
    Device,
    EncoderName,
    Out,
    PrintConfig,
    Quiet,
    Seed,
    Set,
    picture_file,
    refuse_among_images,
    run_folder,
)
from captcha_ssl.cli.run_opener import run_opener
from captcha_ssl.launch import rank
from captcha_ssl.methods.registry import METHODS, method_class

if TYPE_CHECKING:
    from captcha_ssl.data.fingerprint import Fingerprint
    from captcha_ssl.data.geometry import Geometry
    from captcha_ssl.pretraining.monitor import Probe
    from captcha_ssl.pretraining.pretrain import Pretrained
    from captcha_ssl.training.run_directory import RunDirectory
    from captcha_ssl.training.settings import ModelSettings


def pretrain(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Images; labels are ignored.")],
    out: Out = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="How to learn; simclr if not given.",
            autocompletion=lambda: list(METHODS),
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            metavar="NAME",
            help="infonce, contrastive, triplet or n-pair.",
            autocompletion=lambda: ["infonce", "contrastive", "triplet", "n-pair"],
        ),
    ] = None,
    instances: Annotated[
        str | None,
        typer.Option(
            "--instances", metavar="NAME", help="What is contrasted: crop, window, frame or image."
        ),
    ] = None,
    encoder: EncoderName = None,
    epochs: Annotated[
        float | None, typer.Option("--epochs", help="Passes over the images.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Steps of training, instead of epochs.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Images per step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate.")] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            "--init-from", metavar="RUN", help="Start from the encoder of this run, or shipped."
        ),
    ] = None,
    probe: Annotated[
        Path | None,
        typer.Option("--probe", metavar="DATA", help="Labeled images to test the encoder on."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    preview: Annotated[
        Path | None,
        typer.Option(
            "--preview", metavar="FILE.png", help="Draw what the method sees, and train nothing."
        ),
    ] = None,
    seed: Seed = None,
    device: Device = None,
    deterministic: Deterministic = False,
    config: Config = None,
    assignments: Set = None,
    print_config: PrintConfig = False,
    quiet: Quiet = False,
) -> None:
    """Learn an encoder from images without labels.

    Example: captcha-ssl pretrain images/ --out runs/simclr --epochs 20

    Prints the path of the model file. --set changes any other setting; --print-config lists all.
    To look at the crops, views, masks or pieces of some images before a run:

    captcha-ssl pretrain images/ --method jigsaw --preview jigsaw.png
    """
    folder = run_folder(out, print_config or preview is not None)
    quiet = quiet or rank() > 0
    sheet = None if preview is None else picture_file("--preview", preview)
    if sheet is not None:
        refuse_among_images("--preview", sheet, data)
    flags = {
        "method": method,
        "loss": loss,
        "instances": instances,
        "encoder": encoder,
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "lr": lr,
        "init_from": init_from,
        "seed": seed,
        "device": device,
        "deterministic": deterministic or None,
    }
    from captcha_ssl.settings import to_toml

    resolved = _resolve(config, assignments or (), flags)
    if print_config:
        typer.echo(to_toml(*resolved), nl=False)
        return

    from captcha_ssl.pretraining.preview import write_preview

    settings, loop, model, *method_settings = resolved
    images = load(data, model, labeled=False, quiet=quiet)
    given = (images.images, images.geometry, settings, loop, model, tuple(method_settings))
    if sheet is not None:
        write_preview(sheet, *given)
        typer.echo(sheet)
        return
    ctc_probe = None if probe is None else _probe(probe, model, images.geometry, quiet=quiet)
    with ExitStack() as held:
        begin = run_opener(held, folder, to_toml(*resolved), images.rejected, resume=resume)
        result = _learn(folder, begin, given, images.fingerprint(), ctc_probe, quiet=quiet)
    if rank() == 0:
        _report(result, quiet=quiet)
        typer.echo(result.file)


def _resolve(
    config: Path | None, assignments: Sequence[str], flags: dict[str, Any]
) -> tuple[Any, ...]:
    """What is learned, the loop, the model and the settings of the method, in that order."""
    from captcha_ssl.settings import peek, resolve, with_defaults
    from captcha_ssl.training.settings import ModelSettings, PretrainLoopSettings, PretrainSettings

    name = peek("method", file=config, assignments=assignments, flag=flags["method"])
    chosen = method_class(name or next(iter(METHODS)))
    loop = with_defaults(PretrainLoopSettings, {"lr": chosen.peak_lr})
    classes = (PretrainSettings, loop, ModelSettings, *chosen.settings_classes)
    return resolve(classes, file=config, assignments=assignments, flags=flags)


def _learn(
    folder: Path,
    begin_first: Callable[[], RunDirectory],
    given: tuple[Any, ...],
    known: Fingerprint,
    probe: Probe | None,
    *,
    quiet: bool,
) -> Pretrained:
    """Train with all ranks there are; the first of them opens the run."""
    from captcha_ssl.cli.training_progress import training_progress
    from captcha_ssl.pretraining.pretrain import pretrain as learn
    from captcha_ssl.training.distributed import begin_together, joined
    from captcha_ssl.training.run_directory import RunDirectory

    def begin() -> RunDirectory:
        return begin_together(begin_first, lambda: RunDirectory(folder, writes=False))

    with joined(), training_progress("pretrain", quiet=quiet) as observe:
        return learn(*given, begin=begin, known=known, observe=observe, probe=probe)


def _probe(data: Path, model: ModelSettings, geometry: Geometry, *, quiet: bool) -> Probe:
    from captcha_ssl.data.charset import Charset
    from captcha_ssl.recognition.probe import frozen_probe

    labeled = load(data, model, labeled=True, quiet=quiet, geometry=geometry, choose=False)
    return frozen_probe(labeled, Charset.from_labels(labeled.labels or ()))


def _report(result: Pretrained, *, quiet: bool) -> None:
    from captcha_ssl.pretraining.monitor import summary

    for finding in result.findings:
        print(f"captcha-ssl: warning: {finding}", file=sys.stderr)
    if not quiet:
        print(summary(result.figures), file=sys.stderr)
