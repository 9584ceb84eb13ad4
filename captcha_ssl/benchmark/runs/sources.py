"""Where the encoder of an arm comes from: a method, rendered labels, the shipped model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.plan.plan import ADAPTED, FROM_SHIPPED, SYNTHETIC
from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import Material, rendered_pictures
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import WIDTHS
from captcha_ssl.models.frames import frames
from captcha_ssl.models.shipped import ENCODER, SHIPPED, shipped_version
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.monitor import findings
from captcha_ssl.pretraining.pretrain import Pretraining, build_method, contrasted
from captcha_ssl.pretraining.settings import PretrainSettings
from captcha_ssl.recognition.adaptation.adapt import Adapting
from captcha_ssl.recognition.adaptation.config import AdaptConfig
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.plateau import left_plateau
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.render import check_drawable
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings, ModelSettings

_RENDERED = "synthetic-data"


@dataclass(frozen=True)
class Stage:
    """A pretraining: its settings, its length, how it trains and the warnings from its figures."""

    config: str
    batch_size: int
    steps: int
    train: Callable[[RunDirectory, Observer], object]
    findings: Callable[[Mapping[str, float]], list[str]]


class EncoderSource(Protocol):
    """Where an arm's encoder comes from."""

    def check(self, material: Material) -> None:
        """Raises UserError for unusable settings or images, before any training."""
        ...

    def prepare(self, material: Material, folder: Path) -> None:
        """Make what all seeds share, below `folder`, before any of them trains."""
        ...

    def stage(self, seed: int, material: Material, folder: Path) -> Stage | Path:
        """The pretraining, with what was prepared below `folder`; or a finished model."""
        ...

    def describe(self) -> str:
        """A sentence for the report; empty if the list of pretrainings is enough."""
        ...


def encoder_source(name: str, config: BenchmarkConfig) -> EncoderSource:
    """The source of `name`: a variant of a method or a special arm."""
    special: dict[str, Callable[[BenchmarkConfig], EncoderSource]] = {
        SYNTHETIC: SyntheticSource,
        SHIPPED: ShippedSource,
        ADAPTED: AdaptedSource,
    }
    if name in special:
        return special[name](config)
    method = name.removesuffix(FROM_SHIPPED)
    return MethodSource(config, method, continues=method != name)


@dataclass(frozen=True)
class MethodSource:
    """A method that learns from the pool without its labels."""

    config: BenchmarkConfig
    name: str
    continues: bool = False
    """Whether it starts from the encoder of the shipped model."""

    def check(self, material: Material) -> None:
        """Raises UserError if the method cannot learn from the images of the pool."""
        if self.continues:
            check_encoder(self.config.model)
        config = self._config(self.config.benchmark.seed)
        build_method(config, material.pool.images, material.pool.geometry)

    def prepare(self, material: Material, folder: Path) -> None:
        """Nothing."""

    def stage(self, seed: int, material: Material, folder: Path) -> Stage:
        """A pretraining with the settings of the variant."""
        config = self._config(seed)

        def learn(run: RunDirectory, observe: Observer) -> None:
            Pretraining(config, material.pool).train(run, observe)

        width = WIDTHS[config.model.encoder][-1]
        steps = config.pretrain.steps or 0
        warn = partial(findings, width=width, instances=contrasted(config.method))
        return Stage(config.to_toml(), config.loop.batch_size, steps, learn, warn)

    def describe(self) -> str:
        """Nothing."""
        return ""

    def _config(self, seed: int) -> PretrainConfig:
        variant = self.config.variants[self.name]
        batch_size = variant.pretraining.pretrain_batch_size
        return PretrainConfig(
            pretrain=PretrainSettings(
                method=variant.method,
                steps=variant.pretraining.pretrain_steps,
                init_from=Path(SHIPPED) if self.continues else None,
            ),
            loop=_loop(self.config.benchmark, batch_size, seed).replace(lr=variant.lr),
            model=self.config.model,
            method=variant.settings,
        )


@dataclass(frozen=True)
class SyntheticSource:
    """Labels that cost nothing: those of images rendered in another style."""

    config: BenchmarkConfig

    def check(self, material: Material) -> None:
        """Raises UserError for a charset that cannot be drawn in the style asked for."""
        check_drawable(self._picture(material.charset))

    def prepare(self, material: Material, folder: Path) -> None:
        """Render the images."""
        if not (folder / _RENDERED).exists():
            job = GenerateSettings(count=self.config.benchmark.synthetic)
            generate(folder / _RENDERED, self._picture(material.charset), job)

    def stage(self, seed: int, material: Material, folder: Path) -> Stage:
        """Train a recognizer on images rendered once, for the same steps as the methods."""
        settings, long = self.config.benchmark, self.config.pretraining
        config = FinetuneConfig(
            finetune=FinetuneSettings(steps=long.pretrain_steps, head_lr=settings.head_lr),
            loop=_loop(settings, long.pretrain_batch_size, seed),
            model=self.config.model,
        )
        charset = material.charset

        def learn(run: RunDirectory, observe: Observer) -> None:
            geometry, rendered = material.pool.geometry, folder / _RENDERED
            data = load_dataset(rendered, labeled=True, geometry=geometry, frames=frames)
            Finetuning(config, FinetuneData(data, charset)).train(run, observe)

        def warn(figures: Mapping[str, float]) -> list[str]:
            if left_plateau(figures["loss"], charset):
                return []
            return ["it never left the CTC plateau and has learned almost nothing; train longer"]

        steps = config.finetune.steps
        return Stage(config.to_toml(), config.loop.batch_size, steps, learn, warn)

    def describe(self) -> str:
        """What it learns from."""
        settings = self.config.benchmark
        return (
            f"synthetic is pretrained not on the pool but on {settings.synthetic:,} images "
            f"rendered in the style {settings.synthetic_style}, with their labels."
        )

    def _picture(self, charset: Charset) -> PictureSettings:
        settings = self.config.benchmark
        # A different seed than the benchmark's own images, so that texts are not repeated on
        # purpose.
        return rendered_pictures(
            settings, settings.synthetic_style, charset.characters, seed=settings.seed + 1
        )


@dataclass(frozen=True)
class ShippedSource:
    """The model that ships with the package; it needs no pretraining."""

    config: BenchmarkConfig

    def check(self, material: Material) -> None:
        """Raises UserError when the other arms have another encoder: no fair race."""
        check_encoder(self.config.model)

    def prepare(self, material: Material, folder: Path) -> None:
        """Nothing."""

    def stage(self, seed: int, material: Material, folder: Path) -> Path:
        """The file of its version for the height of the images."""
        return shipped_version(material.pool.geometry.height)

    def describe(self) -> str:
        """What it has learned from."""
        return (
            "shipped starts from the model in the package. That model is trained on labeled "
            "images rendered in many styles, and on none of these images."
        )


@dataclass(frozen=True)
class AdaptedSource:
    """The shipped model, trained on the pool by what it reads surely there, as `adapt` does."""

    config: BenchmarkConfig

    def check(self, material: Material) -> None:
        """Raises UserError when the other arms have another encoder, or too few texts are sure."""
        check_encoder(self.config.model)
        try:
            Adapting(self._config(self.config.benchmark.seed), material.pool)
        except UserError as error:
            raise UserError(f"arm {ADAPTED}: {error}; or leave the arm out of --arms") from error

    def prepare(self, material: Material, folder: Path) -> None:
        """Nothing."""

    def stage(self, seed: int, material: Material, folder: Path) -> Stage:
        """An adaptation with the defaults of `adapt`, for the benchmark's steps."""
        config = self._config(seed)

        def learn(run: RunDirectory, observe: Observer) -> None:
            Adapting(config, material.pool).train(run, observe)

        steps = config.adapt.steps
        return Stage(config.to_toml(), config.loop.batch_size, steps, learn, lambda figures: [])

    def describe(self) -> str:
        """What it learns from."""
        return (
            f"{ADAPTED} is the model in the package, trained on the texts that it reads surely in "
            "the pool and, by self-training, on the whole pool. No label of the pool is used."
        )

    def _config(self, seed: int) -> AdaptConfig:
        default = AdaptConfig()
        return replace(
            default,
            adapt=default.adapt.replace(steps=self.config.benchmark.adapt_steps),
            loop=_loop(self.config.benchmark, default.loop.batch_size, seed),
            model=self.config.model,
        )


def _loop(settings: BenchmarkSettings, batch_size: int, seed: int) -> LoopSettings:
    return LoopSettings(
        batch_size=batch_size, seed=seed, device=settings.device, precision=settings.precision
    )


def check_encoder(model: ModelSettings) -> None:
    """Raise UserError when the encoder is not that of the shipped model: no fair race."""
    if model.encoder != ENCODER:
        raise UserError(
            "arms that start from the shipped model need its encoder in every arm: use --set "
            f"encoder={ENCODER}, or leave these arms out of --arms"
        )
