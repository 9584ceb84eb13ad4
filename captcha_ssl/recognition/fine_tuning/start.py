"""Which weights a recognizer starts from if the user does not choose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from captcha_ssl.config import Given
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import Paths, open_source
from captcha_ssl.data.usual_heights import HEIGHT_STEP, HIGHEST
from captcha_ssl.models.shipped import AUTO, SHIPPED, is_shipped, misfit
from captcha_ssl.notice import Say, silent
from captcha_ssl.recognition.evaluation.label_check import LabelCheck
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.cross_check import short_reading
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.readable_pixels import ReadablePixels, readable_pixels
from captcha_ssl.training.images import LoadImages, load_images
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import CONFIG

FEW_LABELS = 100
"""With fewer labels the start is the shipped model: too few could be held out for a comparison."""
RACE_STEPS, SHORT_RACE = 200, 50
"""Steps that each start trains in a race: at most, and where a quarter of all steps is fewer."""
_HELD_OUT, _MOST_HELD_OUT = 0.25, 200
_PARTS = 2
_UNREAD = 0.7
"""If both starts have more character errors than this, they are compared in more rows too."""


@dataclass(frozen=True)
class Start:
    """The configuration with its start, and the reason as a sentence for the user.

    `geometry` is set where the images are read in other pixels than the usual ones.
    """

    config: FinetuneConfig
    reason: str
    geometry: Geometry | None = None


@dataclass(frozen=True)
class _Raced:
    """A start in the race, and what it reads after it of the labels that were held out."""

    name: str
    config: FinetuneConfig
    check: LabelCheck

    @property
    def cer(self) -> float:
        """The character error rate on these labels."""
        return self.check.read.cer


def choose_start(
    config: FinetuneConfig,
    data: Paths,
    *,
    resumed: Path | None = None,
    load: LoadImages = load_images,
    say: Say = silent,
    observe: Observer | None = None,
) -> Start:
    """Replace `init_from` = `auto` by a start; the reason is empty if the user chose it.

    The shipped model is taken unless the settings ask for another encoder. With enough labels a
    short race against training from scratch decides: both train on three quarters of the labels,
    and the lower character error rate on the rest wins. The shipped model goes first, and wins at
    once if it reads all of them. If neither reads much, both are tried again
    with more rows of pixels, and with evenly spaced characters assumed at first. A `resumed` run
    keeps its start. Where the shipped model may be the start, the pixels are chosen before
    (readable_pixels.py). `say` gets a line before each long step, and one if a label that was held
    out is probably wrong; `observe` sees the steps. Raises UserError for data that cannot be used.
    """
    pixels = _readable(config, data, say)
    geometry = None if pixels is None else pixels.geometry
    if pixels is not None:
        say(pixels.reason)
    if config.finetune.init_from != AUTO:
        return Start(config, "", geometry)
    if resumed is not None and (resumed / CONFIG).exists():
        return Start(_begun(config, Given(file=resumed / CONFIG)), "", geometry)
    start = _choose_weights(config, data, geometry, load, say, observe)
    return replace(start, geometry=geometry)


def race_steps(config: FinetuneConfig) -> int:
    """The steps of a race: a quarter of those of the training, within 50 and 200."""
    steps = config.finetune.steps
    return min(RACE_STEPS, steps, max(SHORT_RACE, steps // 4))


def _readable(config: FinetuneConfig, data: Paths, say: Say) -> ReadablePixels | None:
    """Other pixels than the usual ones, where the shipped model may be the start."""
    source = config.finetune.init_from
    may_start = source is not None and (source == AUTO or is_shipped(source))
    if not may_start or config.finetune.teacher is not None or misfit(config.model):
        return None
    return readable_pixels(data, config.model, labels=config.finetune.labels, say=say)


def _choose_weights(
    config: FinetuneConfig,
    data: Paths,
    geometry: Geometry | None,
    load: LoadImages,
    say: Say,
    observe: Observer | None,
) -> Start:
    scratch, shipped = _from(config, None), _from(config, Path(SHIPPED))
    if unfit := misfit(config.model):
        return Start(scratch, f"starts from scratch: {unfit}")
    labels = _labels(shipped, data, load, geometry)
    if len(labels.train) < FEW_LABELS:
        reason = f"{len(labels.train):,} labels are too few to compare it with another start"
        return Start(shipped, f"starts from the shipped model: {reason}")
    if config.finetune.unlabeled:
        # Raises UserError now, and not after the race.
        open_source(config.finetune.unlabeled, want_labels=False)
    steps = race_steps(config)
    say(f"comparing the shipped model and scratch as starts, {steps} steps each")
    first = _Raced("the shipped model", shipped, _race(shipped, labels, observe))
    if not first.cer:
        reason = f"it reads all labels that were held out after {steps} steps"
        return Start(shipped, f"starts from the shipped model: {reason}")
    own = _labels(scratch, data, load, geometry)
    second = _Raced("scratch", scratch, _race(scratch, own, observe))
    raced = [first, second]
    height = labels.train.geometry.height + HEIGHT_STEP
    if geometry is None and min(first.cer, second.cer) > _UNREAD and _may_be(height, config):
        say(f"neither reads much; comparing them at height {height}")
        for one in (first, second):
            higher = _higher(one.config, height)
            own = _labels(higher, data, load, None)
            name = f"{one.name} at height {height}"
            raced.append(_Raced(name, higher, _race(higher, own, observe)))
    winner = min(raced, key=lambda one: one.cer)
    compared = ", ".join(f"{one.cer:.1%} from {one.name}" for one in raced)
    reason = f"starts from {winner.name}: character errors after {steps} steps are {compared}"
    if config.finetune.check_labels is None and winner.check.read.suspects():
        say(f"{winner.check}; --check-labels {_PARTS} checks all labels")
    return Start(winner.config, reason)


def _labels(
    config: FinetuneConfig, data: Paths, load: LoadImages, geometry: Geometry | None
) -> FinetuneData:
    return FinetuneData.load(config, data, load, with_unlabeled=False, geometry=geometry)


def _from(config: FinetuneConfig, source: Path | None) -> FinetuneConfig:
    return replace(config, finetune=config.finetune.replace(init_from=source))


def _begun(config: FinetuneConfig, given: Given) -> FinetuneConfig:
    """The configuration with all choices of the race in the run that is resumed."""
    found = _from(config, given.peek_path("init_from"))
    open_keys = {
        "alignment": config.finetune.explicit("alignment") is None,
        "height": config.model.height is None,
    }
    chosen = {key: given.peek(key) for key, is_open in open_keys.items() if is_open}
    return found.at(Given(assignments=[f"{k}={v}" for k, v in chosen.items() if v is not None]))


def _may_be(height: int, config: FinetuneConfig) -> bool:
    """Whether images may be resized to `height`. A teacher reads at its own."""
    left_open = config.model.height is None and config.finetune.teacher is None
    return left_open and height <= HIGHEST


def _higher(config: FinetuneConfig, height: int) -> FinetuneConfig:
    """The same with more rows of pixels, and `alignment` unless it was set."""
    finetune = config.finetune
    if finetune.explicit("alignment") is None:
        finetune = finetune.replace(alignment=1.0)
    return replace(config, finetune=finetune, model=config.model.replace(height=height))


def _race(config: FinetuneConfig, data: FinetuneData, observe: Observer | None) -> LabelCheck:
    """The readings, after a few steps, of labels that are held out from training."""
    labels = len(data.train)
    held = min(_MOST_HELD_OUT, round(_HELD_OUT * labels))
    known = FinetuneData(data.train.take(range(labels - held)), data.charset)
    held_out = data.train.take(range(labels - held, labels))
    steps = race_steps(config)
    # Of several ranks the first one decides, so that all of them have the same start.
    logits = short_reading(config, known, held_out, steps, observe)
    return LabelCheck.of(held_out, logits, data.charset, "labels that this comparison held out")
