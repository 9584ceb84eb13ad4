"""A whole fine-tuning: from the user's images to a run, one decision after the other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from captcha_ssl.data.sources import Paths
from captcha_ssl.notice import Say, silent
from captcha_ssl.printable import shown
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.cross_check import check_labels
from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult, run_finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.rates import settle_rates
from captcha_ssl.recognition.fine_tuning.start import choose_start
from captcha_ssl.training.distributed import rank_group
from captcha_ssl.training.images import LoadImages, load_images
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import begun_here, refuse_in_use

Stage = Literal["comparing", "checking", "finetune"]
"""The trainings of a run: short ones that compare starts and check labels, and its own."""

Watch = Callable[[Stage], AbstractContextManager[Observer | None]]
"""Opens the display of a stage; it may stay without a step."""


@dataclass(frozen=True)
class FinetunedImages:
    """The result, with the settings that were decided on the way and the images it learned from."""

    config: FinetuneConfig
    data: FinetuneData
    result: FinetuneResult


def watched_by(observe: Observer | None) -> Watch:
    """A display that gives the steps of the training itself to `observe`, and no others."""
    return lambda stage: nullcontext(observe if stage == "finetune" else None)


def finetune_images(
    config: FinetuneConfig,
    labeled: Paths,
    out: Path,
    *,
    resume: bool = False,
    load: LoadImages = load_images,
    say: Say = silent,
    watch: Watch,
) -> FinetunedImages:
    """Train a recognizer on `labeled` in the run directory `out`, with all ranks of torchrun.

    Decides what `config` leaves open: first the start and the pixels, then the rates. Checks the
    labels if it is asked to. A run that a launcher has restarted continues without `resume`. `say`
    gets the reason of each decision. Raises UserError for data or settings that cannot be used,
    and for an `out` that holds something (without `resume`).
    """
    resume = resume or begun_here(out)
    refuse_in_use(out, resume=resume)
    begun = out if resume else None
    # The ranks decide together.
    with rank_group():
        with watch("comparing") as observe:
            start = choose_start(config, labeled, resumed=begun, say=say, observe=observe)
        if start.reason:
            say(start.reason)
        data = FinetuneData.load(start.config, labeled, load, geometry=start.geometry)
        config, reason = settle_rates(start.config, data, resumed=begun)
        if reason:
            say(reason)
        say(f"charset: {shown(data.charset.characters, 500)}")
        with watch("checking") as observe:
            check = check_labels(config, data, out, observe=observe, say=say)
        with watch("finetune") as observe:
            result = run_finetuning(
                config, data, out, resume=resume, observe=observe, say=say, check=check
            )
    return FinetunedImages(config, data, result)
