"""`captcha-ssl finetune`: train a recognizer on labeled images."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captcha_ssl.cli.loading import load
from captcha_ssl.cli.options import FilesFrom, Out, Quiet, data_argument, piles, run_folder
from captcha_ssl.cli.streams import say_on_stderr, teller
from captcha_ssl.launch import rank
from captcha_ssl.notice import warn

if TYPE_CHECKING:
    from captcha_ssl.data.dataset import Dataset
    from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
    from captcha_ssl.recognition.fine_tuning.from_images import FinetunedImages
    from captcha_ssl.recognition.reading.recognizer import Recognizer
    from captcha_ssl.training.meter import Observer


_READ_IF_STUCK = 64
"""Images that are read to show the output of a stuck training."""
_FEW_ACCEPTED = 0.1
"""A smaller share of the pile teaches little beside the labels."""


def finetune_command(
    config: FinetuneConfig,
    data: Annotated[list[Path] | None, data_argument("Images with labels")] = None,
    files_from: FilesFrom = None,
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a recognizer on labeled images.

    Example: captcha-ssl finetune labeled/ --unlabeled pile/ --out runs/reader

    Prints the path of the model file; beside it lies the same model as ONNX.
    """
    folder, data = run_folder(out), piles(data, files_from)

    from captcha_ssl.cli.training_progress import training_progress
    from captcha_ssl.models.model_file import FILE_NAME
    from captcha_ssl.recognition.fine_tuning.from_images import Stage, finetune_images

    quiet = quiet or rank() > 0

    def watch(stage: Stage) -> AbstractContextManager[Observer]:
        return training_progress(stage, quiet=quiet, perhaps=stage != "finetune")

    finished = finetune_images(
        config,
        data,
        folder,
        resume=resume,
        load=partial(load, quiet=quiet),
        say=teller(quiet=quiet),
        watch=watch,
    )
    if rank() == 0:
        _report(finished, folder, quiet=quiet)
        typer.echo(folder / FILE_NAME)


def _report(finished: FinetunedImages, folder: Path, *, quiet: bool) -> None:
    from captcha_ssl.data.character_kinds import kinds_in_signs
    from captcha_ssl.recognition.fine_tuning.plateau import stuck_words
    from captcha_ssl.recognition.fine_tuning.self_training import ACCEPTED
    from captcha_ssl.recognition.reading.text_reader import read_images

    config, data, result = finished.config, finished.data, finished.result
    if not result.converged:
        some = read_images(result.recognizer, data.train.images[:_READ_IF_STUCK])
        steps, geometry = int(result.history[-1]["step"]), data.train.geometry
        words = stuck_words([reading.text for reading in some], config, geometry, steps)
        say_on_stderr(f"captcha-ssl: warning: {words}")
    accepted = result.history[-1].get(ACCEPTED, 1.0)
    if result.converged and accepted < _FEW_ACCEPTED:
        warn(
            f"at the end {accepted:.0%} of the unlabeled images were read "
            "surely enough to learn from: they have taught little; label more images, or use more "
            "--steps"
        )
    if quiet:
        return
    if result.helped and result.converged:
        unmeasured = "; --validation 0.1 shows whether it reads images that it has not learned"
        say_on_stderr(
            "training was on the CTC plateau for a while; a loss for evenly spaced characters got "
            "it off" + unmeasured * (data.held_out is None)
        )
    say_on_stderr(f"trained on {len(data.train):,} labels in {result.seconds:.0f} s")
    if result.recognizer.length is not None:
        length, kinds = result.recognizer.length.characters, result.recognizer.length.kinds
        form = f" and the form {kinds_in_signs(kinds)}" if kinds else ""
        say_on_stderr(
            f"all labels have {length} character{'s' * (length > 1)}{form}: texts are read so, "
            "unless others are clearly likelier; predict --length any "
            "turns this off"
        )
    last = int(result.history[-1]["step"])
    if result.step < last:
        say_on_stderr(f"stopped at step {last:,}; kept the weights of step {result.step:,}")
    if data.held_out is not None:
        checked = config.finetune.check_labels is not None
        _tell_held_out(result.recognizer, data.held_out, folder, checked=checked)
        if data.copies:
            say_on_stderr(
                f"{data.copies:,} more do not count: copies of images that are not held out"
            )


def _tell_held_out(
    recognizer: Recognizer, held_out: Dataset, folder: Path, *, checked: bool
) -> None:
    """Say how what was held out is read, and which of its labels are probably wrong.

    Those that are `checked` already are listed with all other labels.
    """
    from captcha_ssl.recognition.evaluation.evaluate import evaluate
    from captcha_ssl.recognition.evaluation.label_check import LabelCheck

    read = evaluate(recognizer, held_out)
    say_on_stderr(f"exact match on {len(held_out):,} held out: {read.exact_match:.1%}")
    if not checked and read.suspects():
        check = LabelCheck(held_out, read, "labels that were held out")
        say_on_stderr(check.write(folder))
