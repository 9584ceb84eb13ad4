"""`captcha-ssl adapt`: adapt a recognizer to unlabeled images by its own confident readings."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captcha_ssl.cli.loading import load
from captcha_ssl.cli.options import FilesFrom, Out, Quiet, data_argument, piles, run_folder
from captcha_ssl.cli.streams import teller
from captcha_ssl.notice import warn
from captcha_ssl.printable import shown

if TYPE_CHECKING:
    from captcha_ssl.recognition.adaptation.config import AdaptConfig


def adapt_command(
    config: AdaptConfig,
    data: Annotated[list[Path] | None, data_argument("Images; labels are ignored")] = None,
    files_from: FilesFrom = None,
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    quiet: Quiet = False,
) -> None:
    """Adapt a recognizer to images without labels.

    Example: captcha-ssl adapt pile/ --out runs/adapted

    Reads up to 4,000 of the images. Texts that it reads with high confidence become labels
    (sure_texts.csv in the run). It trains on these, and on all images by self-training, of a large
    pile on a sample. Prints the path of the model file, for predict --model.
    """
    folder, data = run_folder(out), piles(data, files_from)

    from captcha_ssl.cli.progress import progress_bar
    from captcha_ssl.cli.training_progress import training_progress
    from captcha_ssl.models.model_file import FILE_NAME
    from captcha_ssl.recognition.adaptation.adapt import Adapting, read_pile, run_adapting
    from captcha_ssl.training.run_directory import refuse_in_use

    refuse_in_use(folder, resume=resume)

    say = teller(quiet=quiet)
    config, pile = read_pile(config, data, partial(load, quiet=quiet))
    with progress_bar("reading texts", quiet=quiet) as progress:
        adapting = Adapting(config, pile, progress)
    for note in adapting.texts.notes:
        say(note)
    say(f"{adapting.texts}; charset: {shown(adapting.texts.charset.characters, 500)}")
    with training_progress("adapt", quiet=quiet) as observe:
        result = run_adapting(adapting, folder, resume=resume, observe=observe)
    if not result.converged:
        warn(
            "the training ended on the CTC plateau: the recognizer no longer "
            "reads these images; use a lower --lr, or more --steps"
        )
    say(f"adapted in {result.seconds:.0f} s")
    typer.echo(folder / FILE_NAME)
