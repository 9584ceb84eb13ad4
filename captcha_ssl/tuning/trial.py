"""One recipe on one rung: pretrain, fine-tune on some folds, and score."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from captcha_ssl.errors import UserError
from captcha_ssl.notice import Say
from captcha_ssl.pretraining.pretrain import Pretraining
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.evaluation.metrics import edit_distance
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.training.run_directory import open_run
from captcha_ssl.training.settings import ModelSettings
from captcha_ssl.tuning.material import SearchMaterial, TrialImages, folds
from captcha_ssl.tuning.recipe import Recipe
from captcha_ssl.tuning.space import Values

_NEVER = 10**9


@dataclass(frozen=True)
class Outcome:
    """How a recipe did on a rung.

    `errors` are wrong characters in each held-out image, in the order of the labeled images, so
    that those of two recipes on the same rung are pairs. `problem` says why it could not be tried.
    """

    number: int
    rung: int
    cer: float
    exact_match: float
    errors: list[int]
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class TrialTask:
    """A task for a worker: the recipe of a trial, on a rung, and how it did on the rung before."""

    number: int
    values: Values
    rung: int
    before: Outcome | None = None


@dataclass(frozen=True)
class TrialBench:
    """What every trial needs; `out` is the folder for its trainings."""

    out: Path
    material: SearchMaterial
    model: ModelSettings

    def recipe(self, values: Values) -> Recipe:
        """What the values of a trial mean."""
        return Recipe(values, self.material.settings, self.model)

    def perform(self, task: TrialTask, say: Say) -> Outcome:
        """Try a recipe on a rung. If that fails, its score is the worst, with the reason."""
        began = time.perf_counter()
        folder = self.out / f"{task.number}-{task.rung}"
        try:
            wrong, characters = self._wrong(task, folder)
        except UserError as error:
            wrong, problem = [], str(error)
        else:
            problem = ""
        # After a signal this is not reached: the state of the pretraining stays for --resume.
        shutil.rmtree(folder, ignore_errors=True)
        if problem:
            seconds = time.perf_counter() - began
            return Outcome(task.number, task.rung, 1.0, 0.0, [], seconds, problem)
        return Outcome(
            number=task.number,
            rung=task.rung,
            cer=sum(wrong) / characters,
            exact_match=fmean(error == 0 for error in wrong),
            errors=wrong,
            seconds=time.perf_counter() - began,
        )

    def _wrong(self, task: TrialTask, folder: Path) -> tuple[list[int], int]:
        """The wrong characters in each held-out image of this rung's folds, and all characters."""
        recipe, settings = self.recipe(task.values), self.material.settings
        images = self.material.at(recipe)
        parts = folds(images.labeled, settings)
        wrong: list[int] = []
        read = 0
        if recipe.method is None and task.before is not None:
            # Rungs differ in their pretraining alone: these folds would be read the same again.
            wrong += task.before.errors
            read = settings.folds_on(task.before.rung, len(parts))
        parts = parts[: settings.folds_on(task.rung, len(parts))]
        encoder = self._pretrained(recipe, settings.steps_on(task.rung), images, folder)
        config = recipe.finetuning(encoder)
        pile = images.pile if recipe.self_training else None
        for train, held_out in parts[read:]:
            data = FinetuneData(train, images.charset, unlabeled=pile)
            found = evaluate(Finetuning(config, data).train().recognizer, held_out)
            wrong += map(edit_distance, found.labels, found.predictions)
        characters = sum(len(label) for _, held_out in parts for label in held_out.labels or ())
        return wrong, characters

    def _pretrained(
        self, recipe: Recipe, steps: int, images: TrialImages, folder: Path
    ) -> Path | None:
        """The encoder; a stopped pretraining continues."""
        config = recipe.pretraining(steps, len(images.pile))
        if config is None:
            return None
        config = replace(
            config,
            pretrain=config.pretrain.replace(monitor_every=_NEVER),
            loop=config.loop.replace(checkpoint_every=_NEVER),
        )
        with open_run(folder, config.to_toml(), resume=True) as run:
            return Pretraining(config, images.pile).train(run).file
