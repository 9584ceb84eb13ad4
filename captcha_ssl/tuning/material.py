"""The data of the trials: the pile, and labels in folds; never a test image."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import split
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.fingerprint import Fingerprint
from captcha_ssl.data.sources import open_source
from captcha_ssl.data.splits import copies_among, nested_subset
from captcha_ssl.errors import UserError
from captcha_ssl.training.images import LoadImages, load_images
from captcha_ssl.training.settings import ModelSettings
from captcha_ssl.tuning.recipe import Recipe
from captcha_ssl.tuning.settings import TuneSettings

LEAST_LABELS, ENOUGH_LABELS = 12, 50
"""Fewer than the first cannot tell recipes apart; the second is what the user is asked for."""
_FEW_LABELS, _FEW_FOLDS, _HELD_OUT, _MOST_HELD_OUT = 300, 3, 0.25, 1000


@dataclass(frozen=True)
class TrialImages:
    """The pile without labels, and the labeled images, at one geometry.

    The charset is that of all labels; `aside` counts the images that are kept for a test, and
    `there` the labels that are not.
    """

    pile: Dataset
    labeled: Dataset
    charset: Charset
    aside: int
    there: int

    @property
    def comparable(self) -> int:
        """The largest label count for benchmark, which needs as many labels again for tuning."""
        return min(len(self.labeled), self.there // 2)

    def fingerprint(self) -> Fingerprint:
        """What a search must not be resumed without."""
        return {
            **self.pile.fingerprint(),
            **{f"labeled {name}": fact for name, fact in self.labeled.fingerprint().items()},
        }


@dataclass
class SearchMaterial:
    """The paths of the images. Each geometry is loaded once, when a recipe needs it."""

    data: Path
    labels: Path | None
    settings: TuneSettings
    load: LoadImages = load_images
    _read: dict[str, TrialImages] = field(default_factory=dict)

    def check(self) -> None:
        """Raise UserError when there are no labels at all."""
        if self.labels is None and open_source(self.data, want_labels=None).labels is None:
            raise UserError(
                f"{self.data}: has no labels, and without any only the monitors of pretrain can "
                f"compare recipes; label {ENOUGH_LABELS} images (captcha-ssl label writes a "
                "table), and name the table after DATA"
            )

    def at(self, recipe: Recipe) -> TrialImages:
        """The images as `recipe` sees them. Raises UserError when they cannot be used."""
        pixels = recipe.pixels
        # The encoder changes nothing in the images but their usual height.
        height = pixels.height or pixels.usual_height
        key = f"{height} {pixels.replace(encoder='tiny').model_dump_json()}"
        if key not in self._read:
            self._read[key] = self._images(pixels)
        return self._read[key]

    def _images(self, model: ModelSettings) -> TrialImages:
        settings = self.settings
        labeled = self.load(self.labels or self.data, model, labeled=True)
        pile, aside = replace(labeled, labels=None), 0
        if self.labels is not None or len(open_source(self.data, want_labels=False)) > len(labeled):
            pile = self.load(
                self.data, model, labeled=False, geometry=labeled.geometry, choose=False
            )
        some = nested_subset(len(pile), min(len(pile), settings.images), settings.seed)
        pile = pile.take(np.sort(some))
        if self.labels is None and settings.test:
            parts = split(labeled, _as_benchmark(settings))
            pile, labeled = _without(pile, parts.test), parts.pool
            aside = len(parts.test)
        own = labeled.take(nested_subset(len(labeled), self._count(len(labeled)), settings.seed))
        return TrialImages(
            pile, own, Charset.from_labels(own.labels or ()), aside, there=len(labeled)
        )

    def _count(self, there: int) -> int:
        count = self.settings.labels or there
        if count < LEAST_LABELS:
            raise UserError(
                f"{self.labels or self.data}: {count:,} labels are too few to compare recipes "
                f"with; label {ENOUGH_LABELS} images"
            )
        return count


def folds(labeled: Dataset, settings: TuneSettings) -> list[tuple[Dataset, Dataset]]:
    """Pairs of images to train on and images held out; of several, each image is held out once."""
    count = len(labeled)
    few = _FEW_FOLDS if count < _FEW_LABELS else 1
    wanted = min(settings.folds or few, count)
    if wanted == 1:
        held = max(1, min(_MOST_HELD_OUT, round(_HELD_OUT * count)))
        return [(labeled.take(range(held, count)), labeled.take(range(held)))]
    parts = np.array_split(np.arange(count), wanted)
    return [
        (labeled.take(np.setdiff1d(np.arange(count), part)), labeled.take(part)) for part in parts
    ]


def _as_benchmark(settings: TuneSettings) -> BenchmarkSettings:
    return BenchmarkSettings(test=settings.test, test_seed=settings.test_seed)


def _without(pile: Dataset, others: Dataset) -> Dataset:
    """The pile without any copy of one of the `others`."""
    (gone,) = copies_among(pile.images, others.images)
    return pile.take(np.flatnonzero(~gone))
