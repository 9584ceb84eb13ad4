"""Images in a style that no run is trained on."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import Material, rendered_pictures
from captcha_ssl.data.dataset import Dataset, load_dataset
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.render import check_drawable
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings

UNSEEN = 1000
"""Images in that style, unless there are fewer test images."""


def check_unseen(settings: BenchmarkSettings, material: Material) -> None:
    """Raise UserError for a charset that cannot be drawn in the style asked for."""
    if settings.unseen_style:
        check_drawable(_picture(settings, settings.unseen_style, material))


def unseen_images(folder: Path, settings: BenchmarkSettings, material: Material) -> Dataset | None:
    """The labeled images of `unseen_style`, rendered to `folder` once; None without a style."""
    if not settings.unseen_style:
        return None
    if not folder.exists():
        picture = _picture(settings, settings.unseen_style, material)
        generate(folder, picture, GenerateSettings(count=min(UNSEEN, len(material.test))))
    return load_dataset(folder, labeled=True, geometry=material.pool.geometry)


def _picture(settings: BenchmarkSettings, style: str, material: Material) -> PictureSettings:
    # A separate seed, so that texts are not repeated on purpose.
    return rendered_pictures(settings, style, material.charset.characters, seed=settings.seed + 2)
