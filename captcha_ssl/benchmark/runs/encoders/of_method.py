"""The encoder that a method learns from the unlabeled images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.runs.encoders.source import Stage, check_encoder, loop_of
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.models.encoder import WIDTHS
from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.monitor import findings
from captcha_ssl.pretraining.pretrain import Pretraining, build_method, contrasted
from captcha_ssl.pretraining.settings import PretrainSettings
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import RunDirectory


@dataclass(frozen=True)
class MethodSource:
    """A method that learns from the unlabeled images."""

    config: BenchmarkConfig
    name: str
    continues: bool = False
    """Whether it starts from the encoder of the shipped model."""

    def check(self, material: Material) -> None:
        """Raises UserError if the method cannot learn from the images."""
        if self.continues:
            check_encoder(self.config.model)
        config = self._config(self.config.benchmark.seed)
        build_method(config, material.unlabeled.images, material.unlabeled.geometry)

    def prepare(self, material: Material, folder: Path) -> None:
        """Nothing."""

    def stage(self, seed: int, material: Material, folder: Path) -> Stage:
        """A pretraining with the settings of the variant."""
        config = self._config(seed)

        def learn(run: RunDirectory, observe: Observer) -> None:
            Pretraining(config, material.unlabeled).train(run, observe)

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
            loop=loop_of(self.config.benchmark, batch_size, seed).replace(lr=variant.lr),
            model=self.config.model,
            method=variant.settings,
        )
