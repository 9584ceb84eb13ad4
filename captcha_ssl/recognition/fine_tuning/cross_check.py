"""Finds labels that are probably wrong, by recognizers that did not train on them.

The labels are divided into folds. For each fold a recognizer trains for a few steps on the labels
of the other folds and reads this one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.images import JoinedImages
from captcha_ssl.errors import UserError
from captcha_ssl.models.ranks import from_first
from captcha_ssl.notice import Say, silent
from captcha_ssl.recognition.evaluation.evaluation_files import SUSPICIOUS
from captcha_ssl.recognition.evaluation.label_check import LabelCheck
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.reading.text_reader import all_logits
from captcha_ssl.training.meter import Observer

CHECK_STEPS = 200
"""The most steps that a recognizer trains for the check, unless it starts from scratch."""


def check_labels(
    config: FinetuneConfig,
    data: FinetuneData,
    run: Path,
    *,
    observe: Observer | None = None,
    say: Say = silent,
) -> LabelCheck | None:
    """Check the labels as the settings ask for; None if they do not, or if `run` has the result.

    `say` gets a line before the work. Raises UserError like `cross_check`.
    """
    folds = config.finetune.check_labels
    # The first rank writes to the run, and another one may not see its files.
    done = torch.tensor(int((run / SUSPICIOUS).exists()))
    if folds is None or from_first(done):
        return None
    say(f"checking the labels with {folds} recognizers, {check_steps(config):,} steps each")
    return cross_check(config, data, folds, observe)


def cross_check(
    config: FinetuneConfig, data: FinetuneData, folds: int, observe: Observer | None = None
) -> LabelCheck:
    """Read all labeled images of `data`, those held out too, in `folds` folds.

    Raises UserError if there are fewer labels than folds.
    """
    images = _all_labeled(data)
    if len(images) < folds:
        raise UserError(f"check_labels = {folds}: there are only {len(images):,} labels")
    steps = check_steps(config)
    fold_of = np.arange(len(images)) % folds
    answers: dict[int, np.ndarray] = {}
    for fold in range(folds):
        held = np.flatnonzero(fold_of == fold)
        known = FinetuneData(images.take(np.flatnonzero(fold_of != fold)), data.charset)
        read = short_reading(config, known, images.take(held), steps, observe)
        answers |= zip(held.tolist(), read, strict=True)
    logits = np.stack([answers[place] for place in range(len(images))])
    return LabelCheck.of(images, logits, data.charset, "labels")


def check_steps(config: FinetuneConfig) -> int:
    """The steps of a recognizer for the check. From scratch it takes all to read anything."""
    steps = config.finetune.steps
    return steps if config.finetune.init_from is None else min(CHECK_STEPS, steps)


def short_reading(
    config: FinetuneConfig,
    known: FinetuneData,
    images: Dataset,
    steps: int,
    observe: Observer | None = None,
) -> np.ndarray:
    """The logits of `images`, float32 [N, T, K], by a recognizer that trains `steps` on `known`.

    Of several ranks all get those of the first.
    """
    short = replace(config, finetune=config.finetune.replace(steps=steps, patience=None))
    reader = Finetuning(short, known).train(observe=observe).recognizer
    return from_first(torch.from_numpy(all_logits(reader, images.images))).numpy()


def _all_labeled(data: FinetuneData) -> Dataset:
    train, held_out = data.train, data.held_out
    if held_out is None:
        return train
    return replace(
        train,
        images=JoinedImages([np.asarray(train.images), np.asarray(held_out.images)]),
        labels=[*(train.labels or ()), *(held_out.labels or ())],
        names=[*train.names, *held_out.names],
        sizes=None,
    )
