"""The encoder of a recognizer that learns from the labels of rendered images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.runs.encoders.source import Stage, loop_of
from captcha_ssl.benchmark.runs.material import Material, rendered_pictures
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.models.frames import frames
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

_RENDERED = "synthetic-data"


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
            loop=loop_of(settings, long.pretrain_batch_size, seed),
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
