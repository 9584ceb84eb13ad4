"""Settings of fine-tuning. Light to import: the command line reads them for its help."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from captcha_ssl.settings import Settings, setting


class FinetuneSettings(Settings):
    """Training on the labels."""

    title: ClassVar[str] = "Fine-tuning"

    init_from: Path | None = setting(
        None,
        "start from this run or model file, or shipped; none: from scratch; auto: shipped or "
        "scratch, whichever reads held-out labels better after a few steps",
        flag="RUN",
    )
    labels: int | None = setting(
        None,
        "use only this many labels, drawn by the seed; fewer are a subset of more",
        low=1,
        flag="N",
    )
    unlabeled: tuple[Path, ...] = setting(
        (), "unlabeled images to train on too; may be repeated", flag="DATA"
    )
    teacher: Path | None = setting(
        None,
        "learn what this run or model file reads in --unlabeled, instead of the model's own "
        "average; its encoder may be wider",
        flag="RUN",
    )
    validation: float = setting(
        0.0,
        "share of the labeled images held out to report on and to calibrate",
        low=0.0,
        high=0.9,
        flag="SHARE",
    )
    check_labels: int | None = setting(
        None,
        "first look for wrong labels: divide the labels into this many parts, and read each with a "
        "recognizer that trains on the other ones, for up to 200 steps or from scratch for all; "
        "none: no check",
        low=2,
        high=100,
        flag="PARTS",
    )
    patience: int | None = setting(
        None,
        "stop when the held-out labels were read no better at this many logged steps in a row, and "
        "keep the weights that read them best; none: train to the end",
        low=1,
        flag="N",
    )
    steps: int = setting(
        1000,
        "steps of training; if it ends on the CTC plateau it continues to three times as many, "
        "unless extend is false",
        low=1,
        flag="N",
    )
    head_lr: float = setting(5e-3, "peak learning rate of the CTC head", low=0.0, flag=True)
    freeze: bool = setting(False, "freeze the encoder and train only the head", flag=True)
    freeze_first: float = setting(
        0.0, "share of the steps, at first, in which the head alone is trained", low=0.0, high=1.0
    )
    consistency: float = setting(
        0.0,
        "weight of the divergence between the frames of two views of an image (CR-CTC; 0.2 in the "
        "paper); 0: one view",
        low=0.0,
    )
    alignment: float = setting(
        0.0,
        "weight of evenly spaced characters in the first steps, to leave the CTC plateau",
        low=0.0,
    )
    alignment_steps: int = setting(
        200, "steps over which that weight falls to 0; at most 0.3 of all", low=1
    )
    off_plateau: bool = setting(
        True,
        "if training is still on the CTC plateau after its first steps, add a loss for evenly "
        "spaced characters until it has left it",
    )
    extend: bool = setting(
        True,
        "if a training of 100 steps or more ends on the CTC plateau, continue to three times the "
        "steps",
    )


class SelfTrainingSettings(Settings):
    """Self-training on unlabeled images."""

    title: ClassVar[str] = "Self-training"

    pile_ratio: float = setting(
        1.0, "unlabeled images per labeled image in a step", low=0.01, high=1000
    )
    pile_weight: float = setting(1.0, "weight of the loss on pseudo-labels after the ramp", low=0.0)
    confidence: float = setting(
        0.3,
        "smallest probability of a teacher's reading that counts as a pseudo-label",
        low=0.0,
        high=1.0,
    )
    known_length: bool = setting(
        True,
        "where all labels have the same number of characters, pseudo-labels have it too, and the "
        "same kinds of characters at each place",
    )
    balance: float = setting(
        1.0,
        "how far characters in pseudo-labels are made as frequent as in labels; 0: not at all",
        low=0.0,
        high=1.0,
    )
    ramp: float = setting(
        0.3, "share of the steps over which the weight ramps up", low=0.0, high=1.0
    )
    teacher_window: float = setting(
        0.05, "window of the teacher's average, as a share of the steps so far", low=0.0, high=1.0
    )
