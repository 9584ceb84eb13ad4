"""The control that learns from labels it need not pay for: rendered images of another style."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.benchmark.runs.stage import Stage
from captcha_ssl.config import to_toml
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.models.frames import frames
from captcha_ssl.recognition.ctc import left_plateau
from captcha_ssl.recognition.finetune import finetune
from captcha_ssl.recognition.settings import FinetuneSettings
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.render import renderer
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings
from captcha_ssl.training.loop import Observer
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.views.settings import gentle_views


def check_synthetic(configuration: BenchmarkConfig, material: Material) -> None:
    """Raise UserError for a charset that cannot be drawn in the style asked for."""
    renderer(_picture(configuration.benchmark, material.charset))


def synthetic_stage(
    configuration: BenchmarkConfig, seed: int, material: Material, folder: Path
) -> Stage:
    """Train a recognizer on images rendered to `folder`, as long as the methods pretrain."""
    settings, long = configuration.benchmark, configuration.pretraining
    loop = LoopSettings(
        batch_size=long.pretrain_batch_size,
        seed=seed,
        device=settings.device,
        precision=settings.precision,
    )
    what = FinetuneSettings(steps=long.pretrain_steps, head_lr=settings.head_lr)
    views, charset = gentle_views(), material.charset

    def learn(begin: Callable[[], RunDirectory], observe: Observer) -> None:
        picture = _picture(settings, charset)
        if not folder.exists():
            generate(folder, picture, GenerateSettings(count=settings.synthetic))
        data = load_dataset(folder, labeled=True, geometry=material.pool.geometry, frames=frames)
        model = configuration.model
        finetune(data, charset, what, loop, model, views, begin=begin, observe=observe)

    def findings(figures: Mapping[str, float]) -> list[str]:
        if left_plateau(figures["loss"], charset):
            return []
        return ["it never left the CTC plateau and has learned next to nothing; train longer"]

    config = to_toml(what, loop, configuration.model, views)
    return Stage(config, loop.batch_size, what.steps, learn, findings)


def _picture(settings: BenchmarkSettings, charset: Charset) -> PictureSettings:
    # Another seed than that of the benchmark's own images: no text is drawn twice on purpose.
    return PictureSettings(
        seed=settings.seed + 1,
        style=settings.synthetic_style,
        length=settings.length,
        charset=charset.characters,
    )
