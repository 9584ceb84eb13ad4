"""Settings that every stage of training shares. Light to import: the command line reads them."""

from __future__ import annotations

from typing import ClassVar

from captcha_ssl.data.pixel_settings import PixelSettings
from captcha_ssl.data.usual_heights import DEFAULT_HEIGHT, TALLER_HEIGHT
from captcha_ssl.models.shipped import ENCODER
from captcha_ssl.settings import MOST_SEED, Settings, setting

ENCODERS = ("tiny", "small", "base")
NO_TRACKER = "none"
TRACKERS = (NO_TRACKER, "tensorboard", "wandb", "trackio")
DEVICES = ("auto", "cpu", "cuda", "mps")
"""Names of devices; `cuda:1` is one too."""


class LoopSettings(Settings):
    """The training loop."""

    title: ClassVar[str] = "Training"

    batch_size: int = setting(32, "images per step", low=1, flag="N")
    lr: float = setting(2e-3, "peak learning rate of the encoder (AdamW)", low=0.0, flag=True)
    weight_decay: float = setting(0.05, "decoupled weight decay; never on norms and biases", low=0)
    warmup: float = setting(
        0.05, "share of the steps over which the learning rate warms up", low=0.0, high=1.0
    )
    clip: float = setting(5.0, "largest gradient norm; 0: no limit", low=0.0)
    log_every: int = setting(50, "steps between two lines of metrics.jsonl", low=1)
    checkpoint_every: int = setting(500, "steps between two saved states", low=1)
    seed: int = setting(0, "seed of every random choice", low=0, high=MOST_SEED, flag="N")
    device: str = setting(
        "auto",
        "device: auto, cpu, cuda, cuda:N or mps",
        choices=DEVICES,
        pattern=r"cuda:\d+",
        flag="NAME",
    )
    precision: str = setting("auto", "arithmetic", choices=("auto", "fp32", "bf16"))
    compile: str = setting(
        "auto",
        "auto: on a GPU a whole step is recorded as one graph, and for 20 million images of "
        "pretraining or more also compiled; on: its forward pass is compiled by torch.compile, on "
        "a CPU as well; off: neither",
        choices=("auto", "on", "off"),
    )
    tracker: str = setting(
        NO_TRACKER,
        "tracker for the figures besides metrics.jsonl; nothing is uploaded",
        choices=TRACKERS,
    )
    deterministic: bool = setting(False, "byte-identical results also on a GPU; slower", flag=True)


class ModelSettings(PixelSettings):
    """The encoder and its input."""

    title: ClassVar[str] = "Model"

    encoder: str = setting("tiny", "size of the encoder", choices=ENCODERS, flag="NAME")
    channels: int = setting(1, "1 for gray, 3 for color", low=1, high=3)
    height: int | None = setting(
        None,
        "height in pixels the images are resized to, a multiple of 16; none: 48 (for the encoder "
        "tiny 32, if the images have fewer than 48), or more where characters would be too narrow",
        low=16,
    )
    width: int | None = setting(None, "width in pixels; none: from the images", low=16)
    max_bad: float = setting(0.01, "largest share of unreadable images", low=0, high=1)

    @property
    def usual_height(self) -> int:
        """The height in pixels of images whose text needs no other one."""
        return DEFAULT_HEIGHT if self.encoder == ENCODERS[0] else TALLER_HEIGHT


def as_shipped(model: ModelSettings) -> ModelSettings:
    """The settings with the encoder of the shipped model, unless the user names another."""
    return model if model.explicit("encoder") else model.replace(encoder=ENCODER)
