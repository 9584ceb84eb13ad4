"""The benchmark from the images to the report. A resumed benchmark skips what is finished."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from captcha_ssl.benchmark.plan.arms import compute_models
from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.report.report import PAGE, write_report
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.runs.experiment import Experiment
from captcha_ssl.benchmark.runs.job import Bench
from captcha_ssl.benchmark.runs.material import (
    Material,
    check_rendering,
    read_material,
    render_images,
)
from captcha_ssl.benchmark.runs.pretrain_all import pretrain_all
from captcha_ssl.benchmark.runs.pretraining import EncoderRun, check_pretraining
from captcha_ssl.benchmark.runs.progress import UNHEARD, BenchmarkListener
from captcha_ssl.benchmark.runs.unseen import check_unseen, unseen_images
from captcha_ssl.data.sources import Paths
from captcha_ssl.errors import UserError
from captcha_ssl.training.run_directory import RunDirectory, open_run


class Benchmark:
    """A benchmark to be run.

    Raises UserError at once for settings and data that can be refused.
    """

    def __init__(self, config: BenchmarkConfig, listener: BenchmarkListener = UNHEARD) -> None:
        self.config, self.listener = config, listener
        self.material: Material | None = None
        if config.benchmark.data:
            self.material = self._read(config.benchmark.data)
        else:
            check_rendering(config)

    def run(self, run: RunDirectory, *, command: str) -> Results:
        """Finish what is missing in `run`, and write the report there; it quotes `command`.

        Raises UserError for a run that started with other data, KeyboardInterrupt when interrupted.
        """
        out, settings, listener = run.path, self.config.benchmark, self.listener
        material = self.material or self._render(out / "data")
        unseen = unseen_images(out / "unseen-data", settings, material)
        material = replace(material, unseen=unseen)
        run.hold_to(material.fingerprint())
        if settings.data:
            run.note_rejected(material.unlabeled.rejected)
            for note in dict.fromkeys([*material.pool.notes, *material.unlabeled.notes]):
                listener.say(note)
        pile = f" and {material.from_pile:,} without labels" if material.from_pile else ""
        listener.say(
            f"{len(material.pool):,} training images{pile}, {len(material.test):,} test images; "
            f"{material.removed:,} copies of test images removed"
        )
        pretrained = pretrain_all(out / "pretrained", self.config, material, listener.say)
        config = _without_diverged(self.config, pretrained.values())
        bench = Bench(out, config, material, pretrained)
        rows, trials = Experiment(bench, listener).run()
        results = Results.collect(bench, rows, trials, command)
        write_report(out, results)
        listener.say(f"report: {out / PAGE}")
        return results

    def _render(self, folder: Path) -> Material:
        self.listener.say(f"images of style {self.config.benchmark.style} in {folder}")
        render_images(folder, self.config)
        return self._read(folder)

    def _read(self, source: Paths) -> Material:
        material = read_material(source, self.config)
        check_pretraining(self.config, material)
        check_unseen(self.config.benchmark, material)
        return material


def run_benchmark(
    out: Path,
    config: BenchmarkConfig,
    *,
    command: str,
    resume: bool = False,
    listener: BenchmarkListener = UNHEARD,
) -> Results:
    """Run everything that is missing in `out` and write the report there.

    Raises UserError like `Benchmark`, its `run` and `open_run`, and KeyboardInterrupt, after which
    `resume` continues.
    """
    benchmark = Benchmark(config, listener)
    with open_run(out, config.to_toml(), resume=resume) as run:
        return benchmark.run(run, command=command)


def _without_diverged(
    configuration: BenchmarkConfig, pretrained: Iterable[EncoderRun]
) -> BenchmarkConfig:
    lost = {run.method for run in pretrained if run.diverged}
    arms = tuple(arm for arm in configuration.arms if arm.method not in lost)
    if lost and (not arms or not compute_models(arms) and any(arm.match_compute for arm in arms)):
        raise UserError(f"{', '.join(sorted(lost))}: the loss is not finite; lower pretrain_lr")
    return replace(configuration, arms=arms)
