"""Fine-tuning: a recognizer from labeled images, with or without a pretrained encoder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import FILE_NAME, load_model, store_calibration
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.notice import Say, silent
from captcha_ssl.recognition.evaluation.calibration import fit_calibration
from captcha_ssl.recognition.evaluation.label_check import LabelCheck
from captcha_ssl.recognition.export.export import export
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask
from captcha_ssl.recognition.fine_tuning.early_stopping import (
    BestWeights,
    best_row,
    looks_since_best,
)
from captcha_ssl.recognition.fine_tuning.even_alignment import faded_after
from captcha_ssl.recognition.fine_tuning.initial import initial_recognizer
from captcha_ssl.recognition.fine_tuning.labeled_data import (
    FinetuneData,
    labeled_fetcher,
    unlabeled_per_step,
)
from captcha_ssl.recognition.fine_tuning.plateau import Plateau, left_plateau
from captcha_ssl.recognition.fine_tuning.self_training import (
    LABELED_LOSS,
    SelfTrainingTask,
    teacher_of,
    with_unlabeled,
)
from captcha_ssl.recognition.fine_tuning.teacher import open_teacher
from captcha_ssl.recognition.reading.onnx_reader import ONNX_FILE_NAME
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.distributed import check_shareable, rank_group, spread_norms
from captcha_ssl.training.loop import train
from captcha_ssl.training.meter import History, Observer
from captcha_ssl.training.run_directory import RunDirectory, open_run
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.views.ink import fit_views, measured_inks

EXTENDED = 3
"""A training that ends on the plateau continues to this multiple of the requested steps."""
FEWEST_EXTENDED = 100
"""A shorter training is a trial: it is not meant to leave the plateau."""
_ROWS, _FEWEST_LOGGED = 4, 20
"""A training of 20 steps or more logs this often at least: its last row is the mean since the row
before, which shows whether it is still on the plateau."""


@dataclass(frozen=True)
class FinetuneResult:
    """A trained recognizer and how its training went: `history` has the logged figures.

    `step` is the one after which it had these weights: the last, or the best with patience.
    `helped` says that it stayed on the CTC plateau for long and got help, `extended` that it
    trained longer because it ended there.
    """

    recognizer: Recognizer
    converged: bool
    final_loss: float
    seconds: float
    history: list[dict[str, float]]
    step: int
    helped: bool = False
    extended: bool = False


class Finetuning:
    """A recognizer to be trained on labeled images, with or without a pretrained encoder.

    With unlabeled images it trains itself on those too, and the result is its teacher. Several
    ranks of torchrun train one recognizer. Raises UserError for a label with a character outside
    the charset, an unfit `init_from`, and batches that the ranks cannot share.
    """

    def __init__(self, config: FinetuneConfig, data: FinetuneData) -> None:
        self.config, self.data = config, data
        settings, loop = config.finetune, config.loop
        if settings.patience is not None and data.held_out is None:
            raise UserError("patience needs labels that are held out; give --validation 0.1, say")
        check_shareable(loop.batch_size)
        device = resolve_device(loop.device)
        self.recognizer, known = initial_recognizer(config, data)
        images = data.train.images
        self.supervised = supervised = CTCTask(
            self.recognizer,
            fit_views(config.views, measured_inks(images), data.train.geometry),
            frozen=settings.freeze,
            freeze_first=settings.freeze_first,
            consistency=settings.consistency,
            alignment=settings.alignment,
            faded=faded_after(settings.alignment_steps, settings.steps) / settings.steps,
            plateau=Plateau(data.charset, at_once=2 * known < len(data.charset))
            if settings.off_plateau
            else None,
        )
        self.task: CTCTask | SelfTrainingTask = supervised.to(device)
        self.fetch: Callable[[Tensor], Any] = labeled_fetcher(data.train, data.charset, device)
        if data.unlabeled is not None:
            guide = None
            if settings.teacher is not None:
                guide = open_teacher(settings.teacher, data.train.geometry)
            teaching = config.self_training
            self.task = SelfTrainingTask(supervised, teaching, data.train.labels or (), guide)
            self.task.to(device)
            self.fetch = with_unlabeled(
                self.fetch,
                data.unlabeled.images,
                unlabeled_per_step(config),
                device,
            )
        self.best: BestWeights | None = None
        if settings.patience is not None and data.held_out is not None:
            reader = teacher_of(self.task) or self.recognizer
            # As a part of the task it is saved and resumed with it.
            self.task.best = self.best = BestWeights(reader, data.held_out).to(device)
        spread_norms(self.task, device)

    def train(
        self,
        run: RunDirectory | None = None,
        observe: Observer | None = None,
        say: Say = silent,
    ) -> FinetuneResult:
        """Train; with a run directory, write the model there.

        A training in a run directory that ends on the CTC plateau continues from there, with the
        schedule of three times the steps; `say` gets a line when that begins. With `patience`
        training stops when held-out labels are no longer read better, and the result has the
        weights that read them best. `converged` is false when the loss never left the CTC
        plateau. Raises UserError for a run started with other data, DivergedError for a loss that
        is not finite.
        """
        started = time.perf_counter()
        settings, loop, count = self.config.finetune, self._loop(), len(self.data.train)
        groups = parameter_groups(self.recognizer.encoder, loop.lr, loop.weight_decay)
        groups += parameter_groups(self.recognizer.head, settings.head_lr, loop.weight_decay)
        patience = settings.patience or math.inf
        held = self.data.fingerprint() if run else None

        def train_to(steps: int) -> History:
            return train(
                self.task,
                groups,
                self.fetch,
                count,
                steps,
                loop,
                run=run,
                data=held,
                observe=observe,
                inspect=self.best.inspect if self.best else None,
                enough=lambda logged: looks_since_best(logged, self._left_plateau) >= patience,
            )

        history, extended = train_to(settings.steps), False
        if run and settings.extend and self._ended_stuck(history):
            extended, steps = True, EXTENDED * settings.steps
            words = f"on the CTC plateau after {settings.steps:,} steps: training to step {steps:,}"
            run.log(words)
            say(f"{words}; --set extend=false keeps to the steps that were asked for")
            history = train_to(steps)
        recognizer, last = teacher_of(self.task) or self.recognizer, history[-1]
        if self.best:
            recognizer, last = self.best.kept.requires_grad_(True), best_row(history)
        step, converged = int(last["step"]), self._left_plateau(last)
        if run and run.writes:
            about = {"labels": count, "seed": loop.seed, "converged": converged}
            if self.best:
                about["step"] = step
            recognizer.save(run.path / FILE_NAME, about)
        loss = last.get(LABELED_LOSS, last["loss"])
        seconds = time.perf_counter() - started
        watched = self.supervised.plateau
        helped = watched is not None and watched.helped
        return FinetuneResult(
            recognizer.eval(), converged, loss, seconds, history, step, helped, extended
        )

    def _loop(self) -> LoopSettings:
        """The settings of the loop; a short training logs more often unless the user says when."""
        loop, steps = self.config.loop, self.config.finetune.steps
        if loop.explicit("log_every") is not None or steps < _FEWEST_LOGGED:
            return loop
        return loop.replace(log_every=min(loop.log_every, steps // _ROWS))

    def _ended_stuck(self, history: History) -> bool:
        """Whether the training that was asked for ended on the plateau.

        By the row of its last step: a resumed run has rows of its extension too.
        """
        steps = self.config.finetune.steps
        if steps < FEWEST_EXTENDED:
            return False
        return any(row["step"] == steps and not self._left_plateau(row) for row in history)

    def _left_plateau(self, row: Mapping[str, float]) -> bool:
        return left_plateau(row.get(LABELED_LOSS, row["loss"]), self.data.charset)

    def publish(self, run: RunDirectory, result: FinetuneResult) -> None:
        """Calibrate the model in `run` on what was held out, and export it to ONNX beside it.

        Of several ranks the first one does.
        """
        if not run.writes:
            return
        held_out, recognizer = self.data.held_out, result.recognizer
        if held_out is not None:
            found = fit_calibration(recognizer, held_out.images, held_out.labels or [])
            recognizer.calibration = found
            store_calibration(run.path, found)
        export(recognizer, run.path / ONNX_FILE_NAME, load_model(run.path)[0].about)


def run_finetuning(
    config: FinetuneConfig,
    data: FinetuneData,
    out: Path,
    *,
    resume: bool = False,
    observe: Observer | None = None,
    say: Say = silent,
    check: LabelCheck | None = None,
) -> FinetuneResult:
    """Train a recognizer in the run directory `out`, with all ranks of torchrun.

    It is calibrated and exported to ONNX. The result of a `check` of the labels is written there
    too. `say` gets a line on it, and when the training takes longer than was asked for. Raises
    UserError as `Finetuning`, its `train` and `open_run` do.
    """
    with rank_group():
        job = Finetuning(config, data)
        with open_run(out, config.to_toml(), resume=resume) as run:
            run.note_rejected(data.rejected)
            if check is not None and run.writes:
                words = check.write(run.path)
                run.log(words)
                say(words)
            result = job.train(run, observe, say)
            job.publish(run, result)
    return result
