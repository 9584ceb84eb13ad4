"""The fine-tunings: every arm is tuned, then run from every seed, at every label count.

An arm with a single rate and recipe has nothing to tune.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.plan.arms import Arm, compute_models
from captcha_ssl.benchmark.plan.plan import Choice, choices, label_counts, plan_cells, trials
from captcha_ssl.benchmark.runs.job import Bench, Job
from captcha_ssl.benchmark.runs.parallel import perform_all, process_count
from captcha_ssl.benchmark.runs.progress import BenchmarkListener, Countdown
from captcha_ssl.benchmark.runs.records import Row, Trial, winners
from captcha_ssl.documents import read_json


@dataclass(frozen=True)
class _Matched:
    """The steps that match the compute of other arms, and the times behind them."""

    steps: int
    pretrain_seconds: float
    seconds_per_step: float

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 10**9:
            raise ValueError(f"{self.steps} steps")


@dataclass(frozen=True)
class Experiment:
    """All fine-tunings of a benchmark, kept below `bench.out` as they finish."""

    bench: Bench
    listener: BenchmarkListener

    def run(self) -> tuple[list[Row], list[Trial]]:
        """The reported runs and the trials, in the order of the plan."""
        arms, settings = self.bench.configuration.arms, self.bench.configuration.benchmark
        at_each = {arm.name: settings.seeds + len(trials(arm, settings)) for arm in arms}
        todo = {arm.name: at_each[arm.name] * len(label_counts(arm, settings)) for arm in arms}
        at_once = process_count(settings.processes, settings.device)
        progress = Countdown(self.listener, arms, todo, self._pretraining_seconds(), at_once)
        scored: list[Trial] = []
        rows: dict[tuple[str, int, int], Row] = {}
        # An arm that matches the compute of others needs their measured seconds.
        for matched in (False, True):
            chosen = [arm for arm in arms if arm.match_compute is matched]
            steps = {arm.name: self._steps(arm, [*scored, *rows.values()]) for arm in chosen}
            tried = self._perform(self._trials(chosen, steps), progress)
            scored += [record for record in tried if isinstance(record, Trial)]
            for row in self._perform(self._cells(chosen, steps, scored), progress):
                if isinstance(row, Row):
                    rows[row.arm, row.labels, row.seed] = row
        ordered = [rows[c.arm.name, c.labels, c.seed] for c in plan_cells(arms, settings)]
        names = [arm.name for arm in arms]
        return ordered, sorted(scored, key=lambda trial: names.index(trial.arm))

    def _trials(self, arms: Sequence[Arm], steps: dict[str, int]) -> list[Job]:
        settings = self.bench.configuration.benchmark
        return [
            Job(arm, labels, settings.seed, choice, steps[arm.name], reported=False)
            for arm in arms
            for labels in label_counts(arm, settings)
            for choice in trials(arm, settings)
        ]

    def _cells(
        self, arms: Sequence[Arm], steps: dict[str, int], scored: Iterable[Trial]
    ) -> list[Job]:
        settings, won = self.bench.configuration.benchmark, winners(scored)

        def chosen(arm: Arm, labels: int) -> Choice:
            best = won.get((arm.name, labels))
            return Choice(best.lr, best.recipe) if best else choices(arm, settings)[0]

        return [
            Job(c.arm, c.labels, c.seed, chosen(c.arm, c.labels), steps[c.arm.name], True)
            for c in plan_cells(arms, settings)
        ]

    def _perform(self, jobs: Sequence[Job], progress: Countdown) -> list[Trial | Row]:
        """The records of all jobs: existing records are read, the other jobs run."""
        found = {job: self.bench.record(job) for job in jobs}
        for record in found.values():
            if record is not None:
                progress.skipped(record)
        missing = [job for job, record in found.items() if record is None]
        made = perform_all(self.bench, missing)
        for job, record in zip(missing, made, strict=True):
            progress.finished(record)
            found[job] = record
        return [record for record in found.values() if record is not None]

    def _pretraining_seconds(self) -> float:
        """Seconds of the whole machine that the most expensive matched pretraining takes."""
        methods = {arm.method for arm in compute_models(self.bench.configuration.arms)}
        pretrained = self.bench.pretrained.values()
        longest = max((p.seconds for p in pretrained if p.method in methods), default=0.0)
        settings = self.bench.configuration.benchmark
        at_once = min(process_count(settings.processes, settings.device), len(pretrained))
        return longest / max(1, at_once)

    def _steps(self, arm: Arm, done: Iterable[Trial | Row]) -> int:
        """Steps of fine-tuning; for an arm that matches compute, measured once and kept."""
        configuration = self.bench.configuration
        settings = configuration.benchmark
        usual = settings.finetune_steps
        if not arm.match_compute:
            return usual
        file = self.bench.out / f"{arm.name}.json"
        if not file.exists():
            models = {model.name for model in compute_models(configuration.arms)}
            # Also seconds of the whole machine, because fine-tunings share it.
            each = fmean(run.seconds / run.steps for run in done if run.arm in models)
            one = each / process_count(settings.processes, settings.device)
            costs = {"pretrain_seconds": self._pretraining_seconds(), "seconds_per_step": one}
            steps = usual + round(self._pretraining_seconds() / one)
            atomic_write_text(file, json.dumps({"steps": steps, **costs}, indent=2) + "\n")
        return read_json(file, _Matched, "remove it to measure it again").steps
