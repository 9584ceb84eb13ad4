"""The images of a benchmark: a fixed test set, the pool of all other labels, and a pile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.plan.plan import check_pile, trials
from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.choose_preparation import choose_height, choose_preparation
from captcha_ssl.data.dataset import Dataset, load_dataset, load_pile
from captcha_ssl.data.fingerprint import Fingerprint
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import joined_images
from captcha_ssl.data.ink_report import INK_SAMPLE, measure
from captcha_ssl.data.sources import Paths
from captcha_ssl.data.splits import copies_among, nested_subset, split_benchmark
from captcha_ssl.errors import UserError
from captcha_ssl.models.frames import frames
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.render import check_drawable, render
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings
from captcha_ssl.training.settings import ModelSettings

_LARGEST_TEST_SHARE = 0.2
_DRAWN_SMALL = ("classic",)
"""Styles that look the same whether drawn at the model's size or drawn large and resized."""


@dataclass(frozen=True)
class Material:
    """`pool` has the labels of the runs; `unlabeled` is for pretraining and self-training.

    The latter are the images of the pool without their labels, and those of the pile. No test image
    is in either; `removed` counts the copies that were removed from them. The charset is that of
    all labels, the same for every run. `unseen` are images of a style that no run learns from, if
    there is one.
    """

    pool: Dataset
    unlabeled: Dataset
    test: Dataset
    charset: Charset
    removed: int
    unseen: Dataset | None = None

    def fingerprint(self) -> Fingerprint:
        """A fingerprint of the data."""
        unseen = self.unseen.fingerprint() if self.unseen else {}
        pile = self.unlabeled.fingerprint() if self.from_pile else {}
        return {
            **self.pool.fingerprint(),
            "charset": self.charset.characters,
            **{f"unseen {name}": fact for name, fact in unseen.items()},
            **{f"unlabeled {name}": fact for name, fact in pile.items()},
        }

    @property
    def from_pile(self) -> int:
        """How many of the unlabeled images are from the pile."""
        return len(self.unlabeled) - len(self.pool)

    def training(self, labels: int, seed: int) -> Dataset:
        """The labeled images of a run: nested over `labels`, the same in every arm."""
        return self.pool.take(nested_subset(len(self.pool), labels, seed))

    def tuning(self, labels: int, seed: int) -> tuple[Dataset, Dataset]:
        """`labels` images for training and as many others for validation, all from the pool."""
        drawn = nested_subset(len(self.pool), 2 * labels, seed)
        return self.pool.take(drawn[:labels]), self.pool.take(drawn[labels:])


def render_images(folder: Path, configuration: BenchmarkConfig) -> None:
    """Render the labeled images of a benchmark to `folder`, unless they already exist."""
    if not folder.exists():
        settings = configuration.benchmark
        job = GenerateSettings(count=settings.unlabeled + settings.test)
        generate(folder, _own_pictures(configuration), job)


def check_rendering(configuration: BenchmarkConfig) -> None:
    """Raise UserError at once if the images cannot be drawn or are too few."""
    check_pile(configuration.benchmark)
    check_drawable(_own_pictures(configuration))
    _check_enough(configuration.benchmark.unlabeled, configuration)


def read_material(source: Paths, configuration: BenchmarkConfig) -> Material:
    """Read labeled images and split them, and read the pile.

    Raises UserError when they cannot be read or are too few for the label counts.
    """
    settings, model = configuration.benchmark, configuration.model
    data = load_dataset(
        source,
        labeled=True,
        geometry=None if settings.data else _small_geometry(_drawn(settings), model),
        channels=model.channels,
        height=model.height,
        width=model.width,
        pixels=model,
        max_bad=model.max_bad,
        frames=frames,
    )
    material = split(data, settings)
    _check_enough(len(material.pool), configuration, material.removed)
    return _with_pile(material, configuration) if settings.pile else material


def split(data: Dataset, settings: BenchmarkSettings) -> Material:
    """Split a labeled dataset into pool and test set. Raises UserError if it is too small."""
    labels = data.labels or []
    test = max(1, min(settings.test, int(_LARGEST_TEST_SHARE * len(data))))
    parts = split_benchmark(data.images, labels, test=test, seed=settings.test_seed)
    pool = data.take(parts.pool)
    return Material(
        pool=pool,
        unlabeled=replace(pool, labels=None),
        test=data.take(parts.test),
        charset=Charset.from_labels(labels),
        removed=parts.removed,
    )


def _with_pile(material: Material, configuration: BenchmarkConfig) -> Material:
    """The pile beside the pool: what is in neither the pool nor the test set."""
    pile = load_pile(
        configuration.benchmark.pile,
        "off",
        geometry=material.pool.geometry,
        max_bad=configuration.model.max_bad,
    )
    pool = material.unlabeled
    tested, pooled = copies_among(pile.images, material.test.images, pool.images)
    known = tested | pooled
    if known.any():
        pile = pile.take(np.flatnonzero(~known))
    return replace(
        material,
        removed=material.removed + int(tested.sum()),
        unlabeled=Dataset(
            images=joined_images([pool.images, pile.images]),
            labels=None,
            names=[*pool.names, *pile.names],
            geometry=pool.geometry,
            rejected=pool.rejected + pile.rejected,
            notes=pile.notes,
        ),
    )


def rendered_pictures(
    settings: BenchmarkSettings, style: str, charset: str, *, seed: int
) -> PictureSettings:
    """Pictures with the benchmark's text lengths, but their own style, charset and seed."""
    return PictureSettings(seed=seed, style=style, length=settings.length, charset=charset)


def _drawn(settings: BenchmarkSettings) -> PictureSettings:
    return rendered_pictures(settings, settings.style, settings.charset, seed=settings.seed)


def _own_pictures(configuration: BenchmarkConfig) -> PictureSettings:
    picture = _drawn(configuration.benchmark)
    small = _small_geometry(picture, configuration.model)
    if small is None:
        return picture
    return picture.replace(channels=small.channels, height=small.height, width=small.width)


def _small_geometry(picture: PictureSettings, model: ModelSettings) -> Geometry | None:
    """The model's geometry, if such pictures can be drawn in it directly."""
    if picture.style not in _DRAWN_SMALL:
        return None
    drawn = [render(picture, index) for index in range(INK_SAMPLE)]
    images = [image.transpose(1, 2, 0) for image, _ in drawn]
    ink = measure(images, lengths=[len(text) for _, text in drawn])
    preparation = choose_preparation(ink, model)
    height = model.height or choose_height(ink, preparation, model.usual_height)
    if preparation is not None or height > picture.height:
        return None
    size = picture.height, picture.width
    return Geometry.infer([size], channels=model.channels, height=height, width=model.width)


def _check_enough(pool: int, configuration: BenchmarkConfig, removed: int = 0) -> None:
    settings = configuration.benchmark
    labels = max(settings.label_counts)
    tuned = any(trials(arm, settings) for arm in configuration.arms)
    needed = 2 * labels if tuned else labels
    if needed > pool:
        copies = f" (and {removed:,} copies of its images)" if removed else ""
        tuning = f" and as many to tune on take {needed:,}" if tuned else ""
        raise UserError(
            f"{pool:,} images besides the test set{copies} are too few: {labels:,} labels{tuning}; "
            f"lower --label-counts, to {pool // 2 if tuned else pool} at most"
        )
