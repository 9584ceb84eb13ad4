"""Which weights a recognizer starts from if the user does not choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from captcha_ssl.config import Given
from captcha_ssl.data.sources import Paths, open_source
from captcha_ssl.models.ranks import from_first
from captcha_ssl.models.shipped import AUTO, SHIPPED, misfit
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.training.images import LoadImages, load_images
from captcha_ssl.training.run_directory import CONFIG

FEW_LABELS = 100
"""With fewer labels the start is the shipped model: too few could be held out for a comparison."""
RACE_STEPS = 200
"""Steps that each start trains in a race."""
_HELD_OUT, _MOST_HELD_OUT = 0.25, 200
_UNREAD = 0.7
"""With more character errors than this, other pixels are tried."""
_HIGHEST = 64


@dataclass(frozen=True)
class Start:
    """The configuration with its start, and the reason as a sentence for the user."""

    config: FinetuneConfig
    reason: str


def choose_start(
    config: FinetuneConfig,
    data: Paths,
    *,
    resumed: Path | None = None,
    load: LoadImages = load_images,
    say: Callable[[str], None] = lambda line: None,
) -> Start:
    """Replace `init_from` = `auto` by a start; the reason is empty if the user chose it.

    The shipped model is taken unless the settings ask for another encoder. With enough labels a
    short race against training from scratch decides: both train on three quarters of the labels,
    and the lower character error rate on the rest wins. If neither reads much, both are tried again
    with more rows of pixels, and with evenly spaced characters assumed at first. A `resumed` run
    keeps its start. `say` gets a line before each long step. Raises UserError
    for data that cannot be used.
    """
    if config.finetune.init_from != AUTO:
        return Start(config, "")
    scratch, shipped = _from(config, None), _from(config, Path(SHIPPED))
    if resumed is not None and (resumed / CONFIG).exists():
        return Start(_begun(config, Given(file=resumed / CONFIG)), "")
    if unfit := misfit(config.model):
        return Start(scratch, f"starts from scratch: {unfit}")
    labels = _labels(shipped, data, load)
    if len(labels.train) < FEW_LABELS:
        reason = f"{len(labels.train):,} labels are too few to compare it with another start"
        return Start(shipped, f"starts from the shipped model: {reason}")
    if config.finetune.unlabeled:
        # Raises UserError now, and not after the race.
        open_source(config.finetune.unlabeled, want_labels=False)
    steps = min(RACE_STEPS, config.finetune.steps)
    say(f"comparing the shipped model and scratch as starts, {steps} steps each")
    tried = {"the shipped model": shipped, "scratch": scratch}
    error = {
        "the shipped model": _race(shipped, labels),
        "scratch": _race(scratch, _labels(scratch, data, load)),
    }
    height = labels.train.geometry.height + 16
    # A teacher reads at its own height.
    open_height = config.model.height is None and config.finetune.teacher is None
    if min(error.values()) > _UNREAD and height <= _HIGHEST and open_height:
        say(f"neither reads much; comparing them at height {height}")
        for name, start in list(tried.items()):
            higher = f"{name} at height {height}"
            tried[higher] = _higher(start, height)
            error[higher] = _race(tried[higher], _labels(tried[higher], data, load))
    winner = min(error, key=lambda name: error[name])
    compared = ", ".join(f"{rate:.1%} from {name}" for name, rate in error.items())
    return Start(
        tried[winner],
        f"starts from {winner}: character errors after {steps} steps are {compared}",
    )


def _labels(config: FinetuneConfig, data: Paths, load: LoadImages) -> FinetuneData:
    return FinetuneData.load(config, data, load, with_unlabeled=False)


def _from(config: FinetuneConfig, source: Path | None) -> FinetuneConfig:
    return replace(config, finetune=config.finetune.replace(init_from=source))


def _begun(config: FinetuneConfig, given: Given) -> FinetuneConfig:
    """The configuration with all choices of the race in the run that is resumed."""
    source = given.peek("init_from")
    found = _from(config, None if source is None else Path(source))
    alignment, height = given.peek("alignment"), given.peek("height")
    if alignment is not None and config.finetune.explicit("alignment") is None:
        found = replace(found, finetune=found.finetune.replace(alignment=float(alignment)))
    if height is not None and config.model.height is None:
        found = replace(found, model=found.model.replace(height=int(height)))
    return found


def _higher(config: FinetuneConfig, height: int) -> FinetuneConfig:
    """The same with more rows of pixels, and `alignment` unless it was set."""
    finetune = config.finetune
    if finetune.explicit("alignment") is None:
        finetune = finetune.replace(alignment=1.0)
    return replace(config, finetune=finetune, model=config.model.replace(height=height))


def _race(config: FinetuneConfig, data: FinetuneData) -> float:
    """The character error rate on labels held out from training, after a few steps."""
    labels = len(data.train)
    held = min(_MOST_HELD_OUT, round(_HELD_OUT * labels))
    train, held_out = (
        data.train.take(range(labels - held)),
        data.train.take(range(labels - held, labels)),
    )
    steps = min(RACE_STEPS, config.finetune.steps)
    short = replace(config, finetune=config.finetune.replace(steps=steps, patience=None))
    result = Finetuning(short, FinetuneData(train, data.charset)).train()
    # Of several ranks the first one decides, so that all of them have the same start.
    error = torch.tensor(evaluate(result.recognizer, held_out).cer, dtype=torch.float64)
    return float(from_first(error))
