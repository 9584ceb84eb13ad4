"""The encoder of the model in the package after it has adapted to the unlabeled images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from captcha_ssl.benchmark.plan.arms import ADAPTED
from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.runs.encoders.source import Stage, check_encoder, loop_of
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.adaptation.adapt import Adapting
from captcha_ssl.recognition.adaptation.config import AdaptConfig
from captcha_ssl.training.meter import Observer
from captcha_ssl.training.run_directory import RunDirectory


@dataclass(frozen=True)
class AdaptedSource:
    """The shipped model, trained by what it reads surely in the unlabeled images, as by `adapt`."""

    config: BenchmarkConfig

    def check(self, material: Material) -> None:
        """Raises UserError when the other arms have another encoder, or too few texts are sure."""
        check_encoder(self.config.model)
        try:
            Adapting(self._config(self.config.benchmark.seed), material.unlabeled)
        except UserError as error:
            raise UserError(f"arm {ADAPTED}: {error}; or leave the arm out of --arms") from error

    def prepare(self, material: Material, folder: Path) -> None:
        """Nothing."""

    def stage(self, seed: int, material: Material, folder: Path) -> Stage:
        """An adaptation with the defaults of `adapt`, for the benchmark's steps."""
        config = self._config(seed)

        def learn(run: RunDirectory, observe: Observer) -> None:
            Adapting(config, material.unlabeled).train(run, observe)

        steps = config.adapt.steps
        return Stage(config.to_toml(), config.loop.batch_size, steps, learn, lambda figures: [])

    def describe(self) -> str:
        """What it learns from."""
        return (
            f"{ADAPTED} is the model in the package, trained on the texts that it reads surely in "
            "the unlabeled images and, by self-training, on all of these. No label is used."
        )

    def _config(self, seed: int) -> AdaptConfig:
        default = AdaptConfig()
        return replace(
            default,
            adapt=default.adapt.replace(steps=self.config.benchmark.adapt_steps),
            loop=loop_of(self.config.benchmark, default.loop.batch_size, seed),
            model=self.config.model,
        )
