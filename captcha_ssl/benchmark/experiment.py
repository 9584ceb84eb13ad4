"""The fine-tunings: every arm is tuned, then run from every seed, at every label count."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.configuration import Configuration
from captcha_ssl.benchmark.finetuning import fine_tune
from captcha_ssl.benchmark.material import Material
from captcha_ssl.benchmark.plan import Arm, Cell, compute_models, learning_rates, plan_cells
from captcha_ssl.benchmark.pretraining import Pretrained
from captcha_ssl.benchmark.progress import Progress
from captcha_ssl.benchmark.records import Row, Score, Trial, best, read_record, write_record
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.recognition.evaluate import evaluate
from captcha_ssl.recognition.finetune import FinetuneResult


@dataclass(frozen=True)
class Experiment:
    """All fine-tunings of a benchmark, kept below `out` as they finish."""

    out: Path
    configuration: Configuration
    material: Material
    pretrained: dict[tuple[str, int], Pretrained]

    def run(self, say: Callable[[str], None]) -> tuple[list[Row], list[Trial]]:
        """The reported runs and the trials, in the order of the plan."""
        arms, settings = self.configuration.arms, self.configuration.benchmark
        cells = plan_cells(arms, settings)
        counts = sorted({cell.labels for cell in cells})
        per_arm = len(counts) * (settings.seeds + len(settings.lr_grid))
        progress = Progress(say, arms, per_arm, self._costliest())
        rows: dict[Cell, Row] = {}
        trials: dict[str, list[Trial]] = {}
        # An arm that matches the compute of others needs their measured seconds.
        for arm in sorted(arms, key=lambda arm: arm.match_compute):
            steps = self._steps(arm, trials)
            trials[arm.name] = []
            for labels in counts:
                tried = self._tune(arm, labels, steps, progress)
                trials[arm.name] += tried
                for cell in (c for c in cells if (c.arm, c.labels) == (arm, labels)):
                    rows[cell] = self._cell(cell, best(tried).lr, steps, progress)
        return [rows[cell] for cell in cells], [t for arm in arms for t in trials[arm.name]]

    def _tune(self, arm: Arm, labels: int, steps: int, progress: Progress) -> list[Trial]:
        seed = self.configuration.benchmark.seed
        train, validation = self.material.tuning(labels, seed)
        trials = []
        for lr in learning_rates(arm, self.configuration.benchmark):
            file = self.out / "tuning" / f"{arm.name}-{labels}-{lr:g}.json"
            trial = read_record(file, Trial)
            if trial is None:
                result = self._fine_tune(arm, train, lr, seed, steps)
                score = _score(result, validation, steps)
                trial = Trial(**asdict(score), arm=arm.name, labels=labels, lr=lr)
                write_record(file, trial)
                progress.finished(trial)
            else:
                progress.skipped(trial)
            trials.append(trial)
        return trials

    def _cell(self, cell: Cell, lr: float, steps: int, progress: Progress) -> Row:
        arm, labels, seed = cell.arm, cell.labels, cell.seed
        file = self.out / "cells" / f"{arm.name}-{labels}-{seed}.json"
        row = read_record(file, Row)
        if row is not None:
            progress.skipped(row)
            return row
        result = self._fine_tune(arm, self.material.training(labels, seed), lr, seed, steps)
        score = _score(result, self.material.test, steps)
        encoder = self._encoder(arm, seed)
        row = Row(
            **asdict(score),
            arm=arm.name,
            labels=labels,
            seed=seed,
            lr=lr,
            pretrain_seed=encoder.seed if encoder else None,
        )
        self._keep_model(row, result)
        write_record(file, row)
        progress.finished(row)
        return row

    def _fine_tune(
        self, arm: Arm, data: Dataset, lr: float, seed: int, steps: int
    ) -> FinetuneResult:
        settings, model = self.configuration.benchmark, self.configuration.model
        encoder = self._encoder(arm, seed)
        return fine_tune(
            *(arm, data, self.material.charset, settings, model),
            lr=lr,
            seed=seed,
            steps=steps,
            encoder=encoder.file if encoder else None,
        )

    def _encoder(self, arm: Arm, seed: int) -> Pretrained | None:
        """The runs of an arm take its pretrainings in turn."""
        if arm.method is None:
            return None
        settings = self.configuration.benchmark
        turn = max(0, seed - settings.seed - 1) % settings.pretrain_seeds
        return self.pretrained[arm.method, settings.seed + turn]

    def _keep_model(self, row: Row, result: FinetuneResult) -> None:
        """The last seed's model at the largest label count is kept, for `predict`."""
        settings = self.configuration.benchmark
        if (row.labels, row.seed) != (max(settings.label_counts), settings.seed + settings.seeds):
            return
        folder = self.out / "models" / row.arm
        folder.mkdir(parents=True, exist_ok=True)
        result.recogniser.save(folder / FILE_NAME, {**asdict(row)})

    def _costliest(self) -> float:
        """Seconds of the pretraining that took longest among those whose compute is matched."""
        methods = {arm.method for arm in compute_models(self.configuration.arms)}
        return max((p.seconds for p in self.pretrained.values() if p.method in methods), default=0)

    def _steps(self, arm: Arm, trials: dict[str, list[Trial]]) -> int:
        """Steps of fine-tuning; for an arm that matches compute, measured once and kept."""
        usual = self.configuration.benchmark.finetune_steps
        if not arm.match_compute:
            return usual
        file = self.out / f"{arm.name}.json"
        if not file.exists():
            models = {model.name for model in compute_models(self.configuration.arms)}
            one = fmean(t.seconds / t.steps for name in models for t in trials[name])
            costs = {"pretrain_seconds": self._costliest(), "seconds_per_step": one}
            steps = usual + round(self._costliest() / one)
            atomic_write_text(file, json.dumps({"steps": steps, **costs}, indent=2) + "\n")
        return int(json.loads(file.read_text(encoding="utf-8"))["steps"])


def _score(result: FinetuneResult, data: Dataset, steps: int) -> Score:
    read = evaluate(result.recogniser, data)
    return Score(
        exact_match=read.exact_match,
        cer=read.cer,
        converged=result.converged,
        final_loss=result.final_loss,
        steps=steps,
        seconds=result.seconds,
    )
