"""The benchmark from the images to the report; what is finished is never done again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from captcha_ssl.benchmark.configuration import Configuration
from captcha_ssl.benchmark.experiment import Experiment
from captcha_ssl.benchmark.job import Bench
from captcha_ssl.benchmark.material import Material, check_rendering, read, render
from captcha_ssl.benchmark.pretraining import pretrain_all
from captcha_ssl.benchmark.report import REPORT, write_report
from captcha_ssl.benchmark.results import Results
from captcha_ssl.training.run_directory import open_run


def run_benchmark(
    out: Path,
    configuration: Configuration,
    *,
    command: str,
    resume: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Results:
    """Run all that is not finished in `out` and write the report there.

    `say` is told one line for every finished run; `command` is quoted in the report. Raises
    UserError for unusable data, and for an `out` that holds something (without `resume`) or was
    begun with other settings; KeyboardInterrupt, after which `resume` goes on.
    """
    material = _open(out, configuration, resume, say)
    say(
        f"{len(material.pool):,} images to learn from, {len(material.test):,} to test on; "
        f"{material.removed:,} copies of test images removed"
    )
    pretrained = pretrain_all(out / "pretrained", configuration, material.pool, say)
    rows, trials = Experiment(Bench(out, configuration, material, pretrained)).run(say)
    results = Results.collect(configuration, material, pretrained.values(), rows, trials, command)
    write_report(out, results)
    say(f"report: {out / REPORT}")
    return results


def _open(
    out: Path, configuration: Configuration, resume: bool, say: Callable[[str], None]
) -> Material:
    """Begin in `out`, but only once the settings and the data given are known to do."""
    settings, stored = configuration.benchmark, configuration.to_toml()
    if settings.data is None:
        check_rendering(settings)
        open_run(out, stored, resume=resume)
        say(f"images of style {settings.style} in {out / 'data'}")
        render(out / "data", settings)
        return read(out / "data", configuration)
    material = read(settings.data, configuration)
    open_run(out, stored, resume=resume).note_rejected(material.pool.rejected)
    return material
