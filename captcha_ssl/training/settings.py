"""Settings that every stage of training shares (torch-free, so that a typo is answered at once)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.data.pixel_settings import PixelSettings
from captcha_ssl.settings import MOST_SEED, setting

ENCODERS = ("tiny", "small", "base")


@dataclass(frozen=True)
class LoopSettings:
    """How the loop runs, whatever is trained."""

    batch_size: int = setting(32, "images per step", low=1)
    lr: float = setting(2e-3, "peak learning rate (AdamW)", low=0.0)
    weight_decay: float = setting(0.05, "decoupled weight decay; never on norms and biases", low=0)
    warmup: float = setting(0.05, "share of the steps that ramp the rate up", low=0.0, high=1.0)
    clip: float = setting(5.0, "largest gradient norm", low=0.0)
    log_every: int = setting(50, "steps between two lines of metrics.jsonl", low=1)
    checkpoint_every: int = setting(500, "steps between two saved states", low=1)
    seed: int = setting(0, "seed of everything random", low=0, high=MOST_SEED)
    device: str = setting("auto", "auto, cpu, cuda[:n] or mps")
    precision: str = setting("auto", "arithmetic", choices=("auto", "fp32", "bf16"))
    tensorboard: bool = setting(False, "draw the figures for TensorBoard too, in RUN/tensorboard")
    deterministic: bool = setting(False, "the same bytes again on a GPU too; slower")


@dataclass(frozen=True)
class PretrainLoopSettings(LoopSettings):
    """The loop at values that suit contrastive pretraining."""

    batch_size: int = setting(32, "images per step", low=2)
    lr: float = setting(3e-3, "peak learning rate (AdamW)", low=0.0)


@dataclass(frozen=True)
class ModelSettings(PixelSettings):
    """What the encoder is and which pixels it sees."""

    encoder: str = setting("tiny", "size of the encoder", choices=ENCODERS)
    channels: int = setting(1, "1 for gray, 3 for color", low=1, high=3)
    height: int | None = setting(
        None,
        "height in pixels the images are resized to, a multiple of 16; none: 32, or more where "
        "characters would be too narrow",
        low=16,
    )
    width: int | None = setting(None, "width in pixels; none: from the images", low=16)
    max_bad: float = setting(0.01, "share of unreadable images that is tolerated", low=0, high=1)


@dataclass(frozen=True)
class PretrainSettings:
    """What is learned from the unlabeled pile, and for how long."""

    method: str = setting("simclr", "way to learn without labels")
    epochs: float = setting(20.0, "passes over the images", low=0.0)
    steps: int | None = setting(None, "steps of training; none: from epochs", low=1)
    init_from: Path | None = setting(None, "start from the encoder of this run or model file")
    monitor_every: int = setting(500, "steps between two looks at the encoder", low=1)


@dataclass(frozen=True)
class FinetuneSettings:
    """How the recognizer learns from the labels."""

    steps: int = setting(1000, "steps of training", low=1)
    head_lr: float = setting(5e-3, "peak learning rate of the CTC head", low=0.0)
    freeze: bool = setting(False, "leave the encoder as it is and train the head alone")
    alignment: float = setting(
        0.0, "weight of evenly placed characters in the first steps, off the plateau", low=0.0
    )
    alignment_steps: int = setting(
        200, "steps in which that weight falls to 0; at most 0.3 of all", low=1
    )
    init_from: Path | None = setting(None, "start from the encoder of this run or model file")
    unlabeled: Path | None = setting(None, "unlabeled images to train on too; none: labels alone")
    labels: int | None = setting(None, "use only this many labels, a nested subset by seed", low=1)
    validation: float = setting(
        0.0, "share of the labeled images held out to report on", low=0.0, high=0.9
    )
