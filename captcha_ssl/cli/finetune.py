"""`captcha-ssl finetune`: train a recognizer on labeled images."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from captcha_ssl.cli.loading import load
from captcha_ssl.cli.options import Out, Quiet, run_folder
from captcha_ssl.cli.run_opener import run_opener
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from captcha_ssl.data.charset import Charset
    from captcha_ssl.data.dataset import Dataset
    from captcha_ssl.data.geometry import Geometry
    from captcha_ssl.recognition.config import FinetuneConfig
    from captcha_ssl.recognition.finetune import FinetuneResult
    from captcha_ssl.recognition.recognizer import Recognizer
    from captcha_ssl.recognition.settings import FinetuneSettings, SelfTrainingSettings
    from captcha_ssl.training.run_directory import RunDirectory
    from captcha_ssl.training.settings import ModelSettings


def finetune(
    config: FinetuneConfig,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Images with labels.")],
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a recognizer on labeled images.

    Example: captcha-ssl finetune labeled/ --init-from runs/simclr --out runs/reader

    Prints the path of the model file; beside it lies the same model as ONNX.
    """
    folder = run_folder(out)

    from captcha_ssl.models.model_file import FILE_NAME
    from captcha_ssl.training.pretrained import adopt

    settings, teaching, loop, views = (
        *(config.finetune, config.self_training),
        *(config.loop, config.views),
    )
    model, geometry = adopt(config.model, settings.init_from)
    images = load(data, model, labeled=True, quiet=quiet, geometry=geometry)
    train, held_out = _split(images, settings, loop.seed)
    given = (train, _charset(images, quiet=quiet), settings, loop, model, views)
    pile = _pile(settings.unlabeled, model, images.geometry, quiet=quiet)
    rejected = images.rejected + (pile.rejected if pile else [])
    with ExitStack() as held:
        begin = run_opener(held, folder, config.to_toml(), rejected, resume=resume)
        result = _learn(given, pile, held_out, teaching, begin, quiet=quiet)
        _complete(folder, result.recognizer, held_out)
    _report(result, held_out, len(train), quiet=quiet)
    typer.echo(folder / FILE_NAME)


def _pile(
    data: Path | None, model: ModelSettings, geometry: Geometry, *, quiet: bool
) -> Dataset | None:
    if data is None:
        return None
    return load(data, model, labeled=False, quiet=quiet, geometry=geometry, choose=False)


def _charset(images: Dataset, *, quiet: bool) -> Charset:
    """The characters of all labels, said on stderr."""
    from captcha_ssl.data.charset import Charset

    charset = Charset.from_labels(images.labels or ())
    if not quiet:
        print(f"charset: {charset.characters}", file=sys.stderr)
    return charset


def _learn(
    given: Any,
    pile: Dataset | None,
    held_out: Dataset | None,
    teaching: SelfTrainingSettings,
    begin: Callable[[], RunDirectory],
    *,
    quiet: bool,
) -> FinetuneResult:
    from captcha_ssl.cli.training_progress import training_progress
    from captcha_ssl.recognition.finetune import finetune as learn
    from captcha_ssl.recognition.self_training import Pile

    more = None if pile is None else Pile(pile.images, teaching, pile.fingerprint())
    with training_progress("finetune", quiet=quiet) as observe:
        return learn(*given, pile=more, held_out=held_out, begin=begin, observe=observe)


def _complete(folder: Path, recognizer: Recognizer, held_out: Dataset | None) -> None:
    """Calibrate the recognizer on what was held out, and lay it beside its model as ONNX."""
    from captcha_ssl.models.model_file import load_model, store_calibration
    from captcha_ssl.recognition.calibration import fit_calibration
    from captcha_ssl.recognition.export import export
    from captcha_ssl.recognition.onnx_reader import FILE_NAME

    if held_out is not None:
        found = fit_calibration(recognizer, held_out.images, held_out.labels or [])
        recognizer.calibration = found
        store_calibration(folder, found)
    export(recognizer, folder / FILE_NAME, load_model(folder)[0].about)


def _split(
    images: Dataset, settings: FinetuneSettings, seed: int
) -> tuple[Dataset, Dataset | None]:
    """The training images, and those held out; the training subsets of one seed are nested."""
    from captcha_ssl.data.splits import nested_subset

    order = nested_subset(len(images), len(images), seed)
    held = round(settings.validation * len(images))
    if settings.validation and not 0 < held < len(images):
        raise UserError(
            f"--validation {settings.validation}: of {len(images):,} images "
            f"{'none would be left to learn from' if held else 'none would be held out'}; "
            f"give a share from {math.ceil(1_000 / len(images)) / 1_000:g} to "
            f"{math.floor(1_000 * (1 - 1 / len(images))) / 1_000:g}"
        )
    kept, held_out = order[: len(order) - held], order[len(order) - held :]
    if settings.labels is not None:
        kept = kept[: len(nested_subset(len(kept), settings.labels, seed))]
    return images.take(kept), images.take(held_out) if held else None


def _report(result: FinetuneResult, held_out: Dataset | None, labels: int, *, quiet: bool) -> None:
    from captcha_ssl.recognition.evaluate import evaluate

    if not result.converged:
        print(
            "captcha-ssl: warning: the training never left the CTC plateau (every image gets the "
            "same output); try --set alignment=1, train longer, or change lr",
            file=sys.stderr,
        )
    if quiet:
        return
    print(f"trained on {labels:,} labels in {result.seconds:.0f} s", file=sys.stderr)
    last = int(result.history[-1]["step"])
    if result.step < last:
        print(
            f"stopped at step {last:,}; kept the weights of step {result.step:,}", file=sys.stderr
        )
    if held_out is not None:
        share = evaluate(result.recognizer, held_out).exact_match
        print(f"exact match on {len(held_out):,} held out: {share:.1%}", file=sys.stderr)
