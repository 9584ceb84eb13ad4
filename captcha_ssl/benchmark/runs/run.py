"""The benchmark from the images to the report. A resumed benchmark skips what is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.plan.plan import compute_models
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
from captcha_ssl.benchmark.runs.records import Row
from captcha_ssl.benchmark.runs.unseen import check_unseen, unseen_images
from captcha_ssl.errors import UserError
from captcha_ssl.training.run_directory import RunDirectory, open_run


def run_benchmark(
    out: Path,
    configuration: BenchmarkConfig,
    *,
    command: str,
    resume: bool = False,
    say: Callable[[str], None] = lambda line: None,
    show: Callable[[Row], None] = lambda row: None,
) -> Results:
    """Run all that is not finished in `out` and write the report there.

    `say` is told one line for every finished run, `show` every reported one; `command` is quoted
    in the report. Raises UserError for unusable data, and for an `out` that holds something
    (without `resume`) or was begun with other settings or data; KeyboardInterrupt, after which
    `resume` goes on.
    """
    with ExitStack() as held:

        def begin() -> RunDirectory:
            return held.enter_context(open_run(out, configuration.to_toml(), resume=resume))

        run, material = _open(out, configuration, begin, say)
        unseen = unseen_images(out / "unseen-data", configuration.benchmark, material)
        material = replace(material, unseen=unseen)
        run.hold_to(material.fingerprint())
        if configuration.benchmark.data is not None:
            run.note_rejected(material.pool.rejected)
        return _run(out, configuration, material, command, say, show)


def _run(
    out: Path,
    configuration: BenchmarkConfig,
    material: Material,
    command: str,
    say: Callable[[str], None],
    show: Callable[[Row], None],
) -> Results:
    say(
        f"{len(material.pool):,} images to learn from, {len(material.test):,} to test on; "
        f"{material.removed:,} copies of test images removed"
    )
    pretrained = pretrain_all(out / "pretrained", configuration, material, say)
    configuration = _without_diverged(configuration, pretrained.values())
    bench = Bench(out, configuration, material, pretrained)
    rows, trials = Experiment(bench).run(say, show)
    details = bench.details(rows)
    results = Results.collect(
        configuration, material, pretrained.values(), rows, trials, command, details
    )
    write_report(out, results)
    say(f"report: {out / PAGE}")
    return results


def _without_diverged(
    configuration: BenchmarkConfig, pretrained: Iterable[EncoderRun]
) -> BenchmarkConfig:
    lost = {run.method for run in pretrained if run.diverged}
    arms = tuple(arm for arm in configuration.arms if arm.method not in lost)
    if lost and (not arms or not compute_models(arms) and any(arm.match_compute for arm in arms)):
        raise UserError(f"{', '.join(sorted(lost))}: the loss is not finite; lower pretrain_lr")
    return replace(configuration, arms=arms)


def _open(
    out: Path,
    configuration: BenchmarkConfig,
    begin: Callable[[], RunDirectory],
    say: Callable[[str], None],
) -> tuple[RunDirectory, Material]:
    """Begin in `out`, but only once the settings and the data given are known to do."""
    settings = configuration.benchmark
    if settings.data is None:
        check_rendering(configuration)
        run = begin()
        say(f"images of style {settings.style} in {out / 'data'}")
        render_images(out / "data", configuration)
        material = read_material(out / "data", configuration)
        _check(configuration, material)
        return run, material
    material = read_material(settings.data, configuration)
    _check(configuration, material)
    return begin(), material


def _check(configuration: BenchmarkConfig, material: Material) -> None:
    check_pretraining(configuration, material)
    check_unseen(configuration.benchmark, material)
