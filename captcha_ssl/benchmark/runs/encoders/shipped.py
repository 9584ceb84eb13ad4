"""The encoder of the model in the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.runs.encoders.source import check_encoder
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.models.shipped import shipped_version


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
