"""One pretraining of a benchmark, shared by all runs of its arms."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.plan.arms import file_name, pretrained_methods
from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.runs.encoders.registry import encoder_source
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.documents import read_json
from captcha_ssl.duration import duration
from captcha_ssl.errors import DivergedError, UserError
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.notice import Say
from captcha_ssl.text_file import read_text_file
from captcha_ssl.training.meter import Observer, StepReport
from captcha_ssl.training.run_directory import RunDirectory

TIMING, DIVERGED = "timing.json", "diverged.txt"
_SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class EncoderRun:
    """A pretrained encoder with its seed, its duration and its monitored figures."""

    method: str
    seed: int
    file: Path
    steps: int
    seconds: float
    figures: dict[str, float] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

    @property
    def diverged(self) -> bool:
        """Whether the loss became not finite: there is no encoder."""
        return not self.file.exists()


@dataclass(frozen=True)
class _Timing:
    """How long a step of a pretraining takes."""

    seconds_per_step: float

    def __post_init__(self) -> None:
        if self.seconds_per_step < 0:
            raise ValueError("less than no time")


def pretrain_one(
    out: Path,
    configuration: BenchmarkConfig,
    material: Material,
    say: Say,
    method: str,
    seed: int,
) -> EncoderRun:
    """Pretrain `method` in `out`/METHOD, or METHOD-SEED if there are several, or continue it.

    A run whose loss is not finite has no file. Raises KeyboardInterrupt with the state saved.
    """
    stage = encoder_source(method, configuration).stage(seed, material, out)
    if isinstance(stage, Path):
        return EncoderRun(method, seed, stage, steps=0, seconds=0.0)
    several = configuration.benchmark.pretrain_seeds > 1
    folder = out / (file_name(method) + f"-{seed}" * several)
    file, gone_wrong = folder / FILE_NAME, folder / DIVERGED
    run = RunDirectory.resume(folder, stage.config)
    if not file.exists() and not gone_wrong.exists():
        title = f"pretraining {method}, seed {seed}"
        observe = _observer(title, stage.batch_size, folder / TIMING, say)
        try:
            stage.train(run, observe)
        except DivergedError as error:
            say(f"{title}: {error}")
            atomic_write_text(gone_wrong, f"{error}\n")
    if gone_wrong.exists():
        reason = read_text_file(gone_wrong).strip()
        return EncoderRun(method, seed, file, stage.steps, 0.0, {}, (reason,))
    remedy = f"remove {folder} to pretrain again"
    seconds = stage.steps * read_json(folder / TIMING, _Timing, remedy).seconds_per_step
    figures = (run.metrics() or [{}])[-1]
    try:
        words = tuple(stage.findings(figures))
    except KeyError as missing:
        raise UserError(f"{folder}: its metrics lack {missing}; {remedy}") from missing
    return EncoderRun(method, seed, file, stage.steps, seconds, figures, words)


def check_pretraining(configuration: BenchmarkConfig, material: Material) -> None:
    """Raise UserError if a method cannot learn from the pool, or a style cannot be drawn."""
    for name in pretrained_methods(configuration.arms):
        encoder_source(name, configuration).check(material)


def _observer(title: str, batch_size: int, timing: Path, say: Say) -> Observer:
    """Report progress now and then, and keep the seconds per step for arms that match compute.

    They are a mean over this session, without the pauses of an interrupted run.
    """
    taken: list[float] = []
    said = time.monotonic()

    def observe(progress: StepReport) -> None:
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
