"""One fine-tuning of the benchmark, from its images to its record on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from captcha_ssl.benchmark.plan.arms import Arm, file_name
from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.plan.plan import Choice, label_counts
from captcha_ssl.benchmark.runs.details import Details, details, read_details, write_details
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.benchmark.runs.pretraining import EncoderRun
from captcha_ssl.benchmark.runs.records import REMEDY, Row, Score, Trial, read_record, write_record
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.errors import DivergedError, UserError
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.recognition.evaluation.evaluate import Evaluation, evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult, Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.self_training import LABELED_LOSS
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.views.settings import gentle_views, strong_views


@dataclass(frozen=True)
class Job:
    """A tuning trial, or (`reported`) a run that reads the test images.

    `seed` decides the labels, the initialization and the batches.
    """

    arm: Arm
    labels: int
    seed: int
    choice: Choice
    steps: int
    reported: bool


@dataclass(frozen=True)
class Bench:
    """What every job needs, and the folder for its record."""

    out: Path
    configuration: BenchmarkConfig
    material: Material
    pretrained: dict[tuple[str, int], EncoderRun]

    def record(self, job: Job) -> Trial | Row | None:
        """The record of the job, if it is already done. Raises UserError for a damaged record."""
        file = self._file(job)
        record = read_record(file, Row) if job.reported else read_record(file, Trial)
        if record is not None and not _is_of(record, job):
            raise UserError(f"{file}: the record of another run; {REMEDY}")
        return record

    def details(self, rows: Iterable[Row]) -> dict[tuple[str, int, int], Details]:
        """The details of reported runs by arm, labels and seed. Raises UserError for damage."""
        kept = {(r.arm, r.labels, r.seed): read_details(self._details_file(r)) for r in rows}
        return {run: found for run, found in kept.items() if found is not None}

    def perform(self, job: Job) -> Trial | Row:
        """Do the job and keep its record.

        Raises UserError if the loss of a reported run is not finite; a trial is recorded as failed.
        """
        record = self._report(job) if job.reported else self._try(job)
        write_record(self._file(job), record)
        return record

    def _try(self, job: Job) -> Trial:
        train, validation = self.material.tuning(job.labels, job.seed)
        try:
            result = self._train(job, train)
            score = _score(result, evaluate(result.recognizer, validation), job.steps)
        except DivergedError:
            # This learning rate loses. The divergence is a result about the arm, not an error.
            score = Score(
                exact_match=0, cer=1, converged=False, final_loss=None, steps=job.steps, seconds=0
            )
        return Trial(**asdict(score), arm=job.arm.name, labels=job.labels, **asdict(job.choice))

    def _report(self, job: Job) -> Row:
        result = self._train(job, self.material.training(job.labels, job.seed))
        read = evaluate(result.recognizer, self.material.test)
        # Only the loss on the labels, so that the curves of all arms are comparable.
        losses = [(int(at["step"]), at.get(LABELED_LOSS, at["loss"])) for at in result.history]
        write_details(self._details_file(job), details(losses, self.material.test, read))
        encoder, unseen = self._encoder(job), self.material.unseen
        row = Row(
            **asdict(_score(result, read, job.steps)),
            arm=job.arm.name,
            labels=job.labels,
            seed=job.seed,
            **asdict(job.choice),
            pretrain_seed=encoder.seed if encoder else None,
            unseen=evaluate(result.recognizer, unseen).exact_match if unseen else None,
        )
        self._keep_model(job, row, result)
        return row

    def _train(self, job: Job, data: Dataset) -> FinetuneResult:
        # All of them, like the pretraining.
        unlabeled = self.material.unlabeled if job.arm.self_training else None
        given = FinetuneData(data, self.material.charset, unlabeled=unlabeled)
        return Finetuning(self._config(job), given).train()

    def _config(self, job: Job) -> FinetuneConfig:
        """The settings of the arm, with what tuning chose."""
        settings, arm, lr = self.configuration.benchmark, job.arm, job.choice.lr
        encoder, recipe = self._encoder(job), self.configuration.recipes[job.choice.recipe]
        return FinetuneConfig(
            finetune=FinetuneSettings(
                steps=job.steps,
                # If the encoder is frozen, the tuned rate is that of the head.
                head_lr=lr if arm.freeze else settings.head_lr,
                freeze=arm.freeze,
                freeze_first=settings.freeze_first if encoder else 0.0,
                consistency=settings.consistency,
                alignment=settings.alignment,
                alignment_steps=settings.alignment_steps,
                init_from=encoder.file if encoder else None,
            ),
            self_training=recipe,
            loop=LoopSettings(
                batch_size=recipe.finetune_batch_size,
                lr=lr,
                seed=job.seed,
                device=settings.device,
                precision=settings.precision,
            ),
            model=self.configuration.model,
            views=strong_views() if arm.strong else gentle_views(strokes=settings.finetune_strokes),
        )

    def _encoder(self, job: Job) -> EncoderRun | None:
        """The runs of an arm take its pretrainings in turn."""
        if job.arm.method is None:
            return None
        settings = self.configuration.benchmark
        turn = max(0, job.seed - settings.seed - 1) % settings.pretrain_seeds
        return self.pretrained[job.arm.method, settings.seed + turn]

    def _keep_model(self, job: Job, row: Row, result: FinetuneResult) -> None:
        """Keep the model of the last seed at the arm's largest label count, for `predict`."""
        settings = self.configuration.benchmark
        most = max(label_counts(job.arm, settings))
        if (row.labels, row.seed) != (most, settings.seed + settings.seeds):
            return
        folder = self.out / "models" / job.arm.folder
        folder.mkdir(parents=True, exist_ok=True)
        # Without its duration, so that equal runs write equal files.
        about = {name: value for name, value in asdict(row).items() if name != "seconds"}
        result.recognizer.save(folder / FILE_NAME, about)

    def _details_file(self, run: Job | Row) -> Path:
        arm = run.arm if isinstance(run.arm, str) else run.arm.name
        return self.out / "details" / f"{file_name(arm)}-{run.labels}-{run.seed}.json"

    def _file(self, job: Job) -> Path:
        kind = "cells" if job.reported else "tuning"
        which = f"{job.seed}" if job.reported else job.choice.in_file_names
        return self.out / kind / f"{job.arm.folder}-{job.labels}-{which}.json"


def _is_of(record: Trial | Row, job: Job) -> bool:
    told = (record.arm, record.labels, record.recipe)
    own = record.seed == job.seed if isinstance(record, Row) else record.lr == job.choice.lr
    return told == (job.arm.name, job.labels, job.choice.recipe) and own


def _score(result: FinetuneResult, read: Evaluation, steps: int) -> Score:
    return Score(
        exact_match=read.exact_match,
        cer=read.cer,
        converged=result.converged,
        final_loss=result.final_loss,
        steps=steps,
        seconds=result.seconds,
    )
