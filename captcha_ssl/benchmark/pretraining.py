"""The pretrainings of a benchmark: one per method and pretraining seed, shared by the runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.configuration import Configuration
from captcha_ssl.benchmark.plan import file_name
from captcha_ssl.benchmark.progress import duration
from captcha_ssl.benchmark.variants import Variant
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.errors import DivergedError
from captcha_ssl.models.encoder import WIDTHS
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.settings import to_toml
from captcha_ssl.training.loop import Observer, Progress
from captcha_ssl.training.monitor import findings
from captcha_ssl.training.pretrain import build_method, pretrain
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings, PretrainSettings

TIMING, DIVERGED = "timing.json", "diverged.txt"
_SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class Pretrained:
    """A pretrained encoder, the seed it was made from, what it took and what it came to."""

    method: str
    seed: int
    file: Path
    steps: int
    seconds: float
    figures: dict[str, float] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

    @property
    def diverged(self) -> bool:
        """Whether the loss was not finite any more: there is no encoder."""
        return not self.file.exists()


def pretrain_all(
    out: Path, configuration: Configuration, pool: Dataset, say: Callable[[str], None]
) -> dict[tuple[str, int], Pretrained]:
    """Pretrain what the arms ask for, by method and seed; unfinished runs go on.

    Runs lie in `out`/METHOD, or METHOD-SEED when there are several. One whose loss is not finite
    has no file. Raises KeyboardInterrupt with the state saved.
    """
    settings = configuration.benchmark
    methods = dict.fromkeys(arm.method for arm in configuration.arms if arm.method)
    seeds = range(settings.seed, settings.seed + settings.pretrain_seeds)
    several = settings.pretrain_seeds > 1
    return {
        (method, seed): _pretrain_one(
            out / (file_name(method) + f"-{seed}" * several),
            configuration,
            configuration.variants[method],
            seed,
            pool,
            say,
        )
        for method in methods
        for seed in seeds
    }


def _pretrain_one(
    folder: Path,
    configuration: Configuration,
    variant: Variant,
    seed: int,
    pool: Dataset,
    say: Callable[[str], None],
) -> Pretrained:
    what, loop = _stage(configuration, variant, seed)
    model, file, gone_wrong = configuration.model, folder / FILE_NAME, folder / DIVERGED
    run = RunDirectory.resume(folder, to_toml(what, loop, model, *variant.settings))
    if not file.exists() and not gone_wrong.exists():
        title = f"pretraining {variant.name}, seed {seed}"
        observe = _observer(title, loop.batch_size, folder / TIMING, say)
        given = (pool.images, pool.geometry, what, loop, model, variant.settings)
        try:
            pretrain(*given, begin=lambda: run, observe=observe)
        except DivergedError as error:
            say(f"{title}: {error}")
            atomic_write_text(gone_wrong, f"{error}\n")
    steps = what.steps or 0
    if gone_wrong.exists():
        reason = gone_wrong.read_text().strip()
        return Pretrained(variant.name, seed, file, steps, 0.0, {}, (reason,))
    seconds = steps * json.loads((folder / TIMING).read_text())["seconds_per_step"]
    figures = run.metrics()[-1]
    words = tuple(findings(figures, WIDTHS[model.encoder][-1]))
    return Pretrained(variant.name, seed, file, steps, seconds, figures, words)


def check_methods(configuration: Configuration, pool: Dataset) -> None:
    """Raise UserError for a method that cannot learn from the images of the pool."""
    for name in dict.fromkeys(arm.method for arm in configuration.arms if arm.method):
        variant = configuration.variants[name]
        what, loop = _stage(configuration, variant, configuration.benchmark.seed)
        build_method(pool.images, pool.geometry, what, loop, configuration.model, variant.settings)


def _stage(
    configuration: Configuration, variant: Variant, seed: int
) -> tuple[PretrainSettings, LoopSettings]:
    settings, stage = configuration.benchmark, variant.pretraining
    loop = LoopSettings(
        batch_size=stage.pretrain_batch_size,
        lr=variant.lr,
        seed=seed,
        device=settings.device,
        precision=settings.precision,
    )
    return PretrainSettings(method=variant.method, steps=stage.pretrain_steps), loop


def _observer(title: str, batch_size: int, timing: Path, say: Callable[[str], None]) -> Observer:
    """Say now and then how far it is, and keep the seconds per step for an arm to match them.

    They are a mean over this session: an interrupted run is not charged for the pause.
    """
    taken: list[float] = []
    said = time.monotonic()

    def observe(progress: Progress) -> None:
        nonlocal said
        taken.append(batch_size / progress.images_per_second)
        atomic_write_text(timing, json.dumps({"seconds_per_step": fmean(taken)}) + "\n")
        now, left = time.monotonic(), progress.steps - progress.step
        if left and now - said < _SECONDS_BETWEEN_LINES:
            return
        said = now
        rest = f"about {duration(left * fmean(taken))} left of it" if left else "done"
        loss = progress.figures["loss"]
        say(f"{title}: step {progress.step:,}/{progress.steps:,}, loss {loss:.3f}; {rest}")

    return observe
