"""What a recognizer learns from: labels, those held out of them, and perhaps a pile."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.fingerprint import Fingerprint
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import Paths, Rejected
from captcha_ssl.data.splits import equal_images, nested_subset
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.ctc import LabeledBatch, pad_labels
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.recognition.fine_tuning.teacher import charset_of, geometry_of
from captcha_ssl.training.images import LoadImages, load_images
from captcha_ssl.training.init_from import adopt, refuse_other_pixels
from captcha_ssl.training.store import image_fetcher, sent

_FEW_UNLABELED = 20_000
"""A pile of up to this many images is read whole."""


@dataclass(frozen=True)
class FinetuneData:
    """What a recognizer learns from: labeled images, and perhaps unlabeled ones.

    `held_out` are labeled images that it is calibrated on and judged by. `copies` counts those that
    were held out and are in neither, because the same image is among those to learn from.
    """

    train: Dataset
    charset: Charset
    held_out: Dataset | None = None
    unlabeled: Dataset | None = None
    copies: int = 0

    @classmethod
    def load(
        cls,
        config: FinetuneConfig,
        data: Paths,
        load: LoadImages = load_images,
        *,
        with_unlabeled: bool = True,
        geometry: Geometry | None = None,
    ) -> FinetuneData:
        """Read what the settings ask for, at the geometry of `init_from` or of `teacher`, if any.

        Where they leave it open `geometry` is taken, or else the images decide it.
        Of a large pile only a sample is read, twice as many images as the steps draw. Raises
        UserError for data that cannot be used, and for an unfit `init_from` or `teacher`.
        """
        settings = config.finetune
        if settings.teacher is not None and not settings.unlabeled:
            raise UserError("--teacher: give it images to read, with --unlabeled DATA")
        model, own = adopt(config.model, settings.init_from)
        geometry = own or geometry
        if settings.teacher is not None and geometry is None:
            geometry = geometry_of(settings.teacher)
            refuse_other_pixels(config.model, geometry, settings.teacher)
            # It reads images as it has learned them.
            model = model.replace(prepare="none")
        images = load(data, model, labeled=True, geometry=geometry)
        train, held_out, copies = split_validation(images, settings, config.loop.seed)
        unlabeled = None
        if settings.unlabeled and with_unlabeled:
            unlabeled = load(
                settings.unlabeled,
                model,
                labeled=False,
                geometry=images.geometry,
                choose=False,
                most=most_unlabeled(config),
            )
        charset = Charset.from_labels(images.labels or ())
        if settings.teacher is not None:
            charset = charset_of(settings.teacher, images)
        return cls(train, charset, held_out, unlabeled, copies)

    @property
    def labels(self) -> list[str]:
        """All labels, those that are held out too."""
        held_out = self.held_out.labels if self.held_out else None
        return [*(self.train.labels or ()), *(held_out or ())]

    @property
    def rejected(self) -> list[Rejected]:
        """The rows that were left out."""
        return self.train.rejected + (self.unlabeled.rejected if self.unlabeled else [])

    def fingerprint(self) -> Fingerprint:
        """What a saved state must not be resumed without."""
        more = self.unlabeled.fingerprint() if self.unlabeled else {}
        return {
            **self.train.fingerprint(),
            "charset": self.charset.characters,
            **{f"pile {name}": fact for name, fact in more.items()},
        }


def split_validation(
    images: Dataset, settings: FinetuneSettings, seed: int
) -> tuple[Dataset, Dataset | None, int]:
    """The training images, those held out, and how many are in neither.

    The training subsets of one seed are nested. A held-out image with a copy among the others is in
    neither: it would be read from memory. Raises UserError when either would be empty.
    """
    order = nested_subset(len(images), len(images), seed)
    held = round(settings.validation * len(images))
    if settings.validation and len(images) < 2:
        raise UserError(
            f"--validation {settings.validation}: one image cannot be parted; label more"
        )
    if settings.validation and not 0 < held < len(images):
        raise UserError(
            f"--validation {settings.validation}: of {len(images):,} images "
            f"{'none would be left to learn from' if held else 'none would be held out'}; "
            f"give a share from {math.ceil(1_000 / len(images)) / 1_000:g} to "
            f"{min(0.9, math.floor(1_000 * (1 - 1 / len(images))) / 1_000):g}"
        )
    kept, held_out = order[: len(order) - held], order[len(order) - held :]
    if held:
        number = equal_images(images.images)
        held_out = held_out[~np.isin(number[held_out], number[kept])]
        if not len(held_out):
            raise UserError(
                f"--validation {settings.validation}: each of the {held:,} images to hold out has "
                "a copy among the others; remove the copies, or leave --validation out"
            )
    if settings.labels is not None:
        if settings.labels > len(kept):
            raise UserError(
                f"--labels {settings.labels}: there are only {len(kept)}; ask for fewer"
            )
        kept = kept[: settings.labels]
    if not held:
        return images.take(kept), None, 0
    return images.take(kept), images.take(held_out), held - len(held_out)


def most_unlabeled(config: FinetuneConfig) -> int:
    """How many images of a pile are loaded: twice as many as the steps draw, and a small pile."""
    return max(_FEW_UNLABELED, 2 * config.finetune.steps * unlabeled_per_step(config))


def unlabeled_per_step(config: FinetuneConfig) -> int:
    """How many unlabeled images a step of self-training draws."""
    return max(1, round(config.self_training.pile_ratio * config.loop.batch_size))


def labeled_fetcher(
    data: Dataset, charset: Charset, device: torch.device
) -> Callable[[Tensor], LabeledBatch]:
    """A function from indices to the images, padded classes and lengths on `device`.

    Raises UserError for a label with a character outside `charset`.
    """
    pixels = image_fetcher(data.images, device)
    classes, lengths = pad_labels(data.labels or [], charset)

    def fetch(indices: Tensor) -> LabeledBatch:
        return pixels(indices), sent(classes[indices], device), sent(lengths[indices], device)

    return fetch
