"""The search from the images to the recipe. A resumed search continues where it stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.runs.parallel import process_count
from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import misfit
from captcha_ssl.notice import Say, silent
from captcha_ssl.training.images import LoadImages, load_images
from captcha_ssl.training.run_directory import RunDirectory, open_run
from captcha_ssl.tuning.config import TuneConfig
from captcha_ssl.tuning.material import SearchMaterial
from captcha_ssl.tuning.recipe import Recipe
from captcha_ssl.tuning.report import write_search_report
from captcha_ssl.tuning.results import SearchResults
from captcha_ssl.tuning.settings import NO_METHOD
from captcha_ssl.tuning.space import defaults, with_defaults
from captcha_ssl.tuning.study import Study
from captcha_ssl.tuning.trial import Outcome, TrialBench
from captcha_ssl.workers.choice import available_cores, choose_workers, elsewhere
from captcha_ssl.workers.contract import Workers
from captcha_ssl.workers.processes import Processes

RECIPE = "recipe.toml"
_TRIALS = "trials"


@dataclass(frozen=True)
class TuneListener:
    """Receives occasional lines, and the results so far after every outcome."""

    say: Say = silent
    show: Callable[[SearchResults, Outcome], None] = lambda results, outcome: None


UNHEARD = TuneListener()
"""Receives everything and shows nothing."""


class Tuning:
    """A search on the pile `data`, with the labels of `labeled` or its own.

    Raises UserError for images and labels that cannot be used.
    """

    def __init__(
        self,
        config: TuneConfig,
        data: Path,
        labeled: Path | None = None,
        load: LoadImages = load_images,
    ) -> None:
        self.config, self.data = config, data
        material = SearchMaterial(data, labeled, config.tune, load)
        material.check()
        start = Recipe(with_defaults(defaults(NO_METHOD), config.tune), config.tune, config.model)
        self.images = material.at(start)
        # Trials load other geometries without a progress bar.
        material.load = load_images
        self.material = material

    def run(
        self,
        run: RunDirectory,
        *,
        until: float = math.inf,
        jobs: int = 0,
        crew: Workers | None = None,
        listener: TuneListener = UNHEARD,
        command: str = "",
    ) -> SearchResults:
        """Try recipes until `until`, by time.monotonic(), and write the best and the report.

        `crew` runs the trials; by default it is `jobs` worker processes, 0 for one per core, or as
        many as the GPU has memory for. Raises UserError for a run of other data, and if the time is
        too short for a single trial.
        """
        tune = self.config.tune
        run.hold_to(self.images.fingerprint())
        study = Study(run.path, tune, shipped=not misfit(self.config.model))
        bench = TrialBench(run.path / _TRIALS, self.material, self.config.model)
        bench.out.mkdir(exist_ok=True)
        crew = crew or _crew(process_count(jobs, tune.device))
        listener.say(self._about())
        more = True
        while more and time.monotonic() < until:
            more = False
            for outcome in crew.each(
                bench.perform, study.tasks(), say=listener.say, ordered=False, until=until
            ):
                study.tell(outcome)
                more = True
                if outcome.problem and not outcome.number:
                    raise UserError(outcome.problem)
                results = self._results(study, bench, command)
                if results is not None:
                    self._write(run, results)
                    listener.show(results, outcome)
        results = self._results(study, bench, command)
        if results is None:
            raise UserError(
                f"{run.path}: the budget ended before a recipe was tried; continue with a larger "
                "--budget and --resume, or start anew with fewer --finetune-steps"
            )
        self._write(run, results)
        write_search_report(run.path, results)
        return results

    def _results(self, study: Study, bench: TrialBench, command: str) -> SearchResults | None:
        best = study.best()
        if best is None:
            return None
        return SearchResults(
            config=self.config,
            images=self.images,
            data=self.data,
            labels=self.material.labels,
            tried=tuple(study.tried()),
            best=best,
            fixed=study.fixed,
            recipe=bench.recipe,
            command=command,
        )

    def _write(self, run: RunDirectory, results: SearchResults) -> None:
        recipe = results.recipe(results.best.values)
        text = recipe.to_toml(
            self.data,
            self.images.comparable,
            results.summary,
            apart=self.material.labels is not None,
        )
        atomic_write_text(run.path / RECIPE, text)

    def _about(self) -> str:
        pile, labels = len(self.images.pile), len(self.images.labeled)
        aside = self.images.aside
        kept = f"; {aside:,} test images of benchmark are left out" if aside else ""
        return f"{pile:,} images to learn from, {labels:,} labels to score recipes{kept}"


def tune(
    config: TuneConfig,
    data: Path,
    out: Path,
    labeled: Path | None = None,
    *,
    until: float = math.inf,
    jobs: int = 0,
    resume: bool = False,
    listener: TuneListener = UNHEARD,
    load: LoadImages = load_images,
    command: str = "",
) -> SearchResults:
    """Search in the run directory `out`. Raises UserError as `Tuning`, its `run` and `open_run`."""
    job = Tuning(config, data, labeled, load)
    with open_run(out, config.to_toml(), resume=resume) as run:
        return job.run(run, until=until, jobs=jobs, listener=listener, command=command)


def _crew(count: int) -> Workers:
    """Processes even for one trial at a time: they can be stopped at the end of the budget."""
    threads = max(1, available_cores() // count)
    prepare = partial(_use_threads, threads)
    if elsewhere():
        return choose_workers(count, setting="--jobs", prepare=prepare)
    return Processes(count, "--jobs", prepare)


def _use_threads(count: int) -> None:
    """No more than OMP_NUM_THREADS allows."""
    torch.set_num_threads(min(count, torch.get_num_threads()))
