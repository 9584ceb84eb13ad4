"""Which recipe is tried next: Optuna's TPE with successive halving, and its journal on disk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captcha_ssl.benchmark.report.statistics import Estimate, paired_difference
from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.tuning.settings import NO_METHOD, TuneSettings
from captcha_ssl.tuning.space import (
    NOTHING,
    Values,
    defaults,
    draw,
    with_defaults,
)
from captcha_ssl.tuning.trial import Outcome, TrialTask

if TYPE_CHECKING:
    import optuna

JOURNAL = "journal.jsonl"
_NAME = "tune"
_VALUES, _RUNG = "values", "rung"
_RANDOM_FIRST = 10
"""Trials before TPE takes over, including those with defaults."""


@dataclass(frozen=True)
class Tried:
    """A trial: its recipe, its outcome on each rung so far, and whether it is pruned."""

    number: int
    values: Values
    outcomes: tuple[Outcome, ...]
    pruned: bool

    @property
    def last(self) -> Outcome:
        """On the last rung that it reached."""
        return self.outcomes[-1]


def difference(one: Tried, other: Tried) -> Estimate:
    """Errors per image of `one` minus those of `other`, on the images that both have read.

    The images of a rung are the first images of the next.
    """
    count = min(len(one.last.errors), len(other.last.errors))
    return paired_difference(one.last.errors[:count], other.last.errors[:count])


class Study:
    """The trials of a search in `folder`, including those of earlier sessions.

    The first trials use defaults: no pretraining, the default method, the shipped model, then
    self-training without pretraining, and every other method. The first three are baselines and run
    on all rungs. Raises UserError if the extra `tune` is missing, or the journal is damaged.
    """

    def __init__(self, folder: Path, settings: TuneSettings, *, shipped: bool) -> None:
        self._settings, self._shipped = settings, shipped
        library = _optuna()
        file = folder / JOURNAL
        _cut_off_half_a_line(file)
        storages = library.storages.journal
        # The folder is locked already, and that lock ends with its process.
        backend = storages.JournalFileBackend(str(file), lock_obj=_Unlocked())
        try:
            self._study: optuna.Study = library.create_study(
                storage=library.storages.JournalStorage(backend),
                study_name=_NAME,
                load_if_exists=True,
                sampler=library.samplers.TPESampler(
                    n_startup_trials=_RANDOM_FIRST,
                    constant_liar=True,
                    # A later session must not draw the same recipes again.
                    seed=(settings.seed + _lines(file)) % 2**32,
                ),
                pruner=library.pruners.SuccessiveHalvingPruner(
                    min_resource=1, reduction_factor=settings.reduction
                ),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{file}: damaged ({error}); start a new --out") from error
        self._live: dict[int, optuna.Trial] = {}
        self._ready: list[TrialTask] = []
        if not self._study.trials:
            for asked in self._first():
                self._study.enqueue_trial(asked)
        self._resume()

    @property
    def fixed(self) -> int:
        """Number of baseline trials, which are never pruned."""
        methods = self._settings.methods
        return len(self._drawn(self._compared(methods[:1])))

    def tasks(self) -> Iterator[TrialTask]:
        """The next tasks; `tell` adds to them."""
        while True:
            if self._ready:
                # The trial on the highest rung first: its result matters most.
                self._ready.sort(key=lambda task: (-task.rung, task.number))
                yield self._ready.pop(0)
            elif self._settings.trials and len(self.started()) >= self._settings.trials:
                return
            else:
                yield self._new()

    def tell(self, outcome: Outcome) -> None:
        """Record the outcome of a rung, and decide whether the trial continues."""
        trial = self._live[outcome.number]
        trial.set_user_attr(f"{_RUNG} {outcome.rung}", vars(outcome))
        trial.report(outcome.cer, self._settings.reduction**outcome.rung)
        self._decide(trial, outcome)

    def tried(self) -> list[Tried]:
        """All trials that have been through a rung."""
        return [trial for trial in self.started() if trial.outcomes]

    def started(self) -> list[Tried]:
        """All trials that have started."""
        import optuna

        waiting = optuna.trial.TrialState.WAITING
        return [
            Tried(
                trial.number,
                trial.user_attrs[_VALUES],
                tuple(_outcomes(trial.user_attrs)),
                trial.state == optuna.trial.TrialState.PRUNED,
            )
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state != waiting and _VALUES in trial.user_attrs
        ]

    def best(self) -> Tried | None:
        """The trial with the lowest error on the highest rung; the earlier of equal ones.

        A trial that has not reached that rung yet wins if it is significantly better on the images
        that both have read: the budget may end before it gets there.
        """
        found = [trial for trial in self.tried() if not trial.last.problem]
        best = min(found, key=lambda t: (-t.last.rung, t.last.cer, t.number), default=None)
        for trial in sorted(found, key=lambda t: t.last.cer):
            if best is not None and trial.last.rung < best.last.rung and not trial.pruned:
                lead = difference(best, trial)
                if lead.low is not None and lead.low > 0:
                    return trial
        return best

    def _first(self) -> list[dict[str, Any]]:
        """The parameters of the first trials: defaults, the most important first."""
        methods = self._settings.methods
        start = SHIPPED if self._shipped else NOTHING
        self_trained = defaults(NO_METHOD, start, self_training=True)
        return self._drawn(
            [*self._compared(methods[:1]), self_trained, *map(defaults, methods[1:])]
        )

    def _compared(self, methods: Sequence[str]) -> list[Values]:
        shipped = [defaults(NO_METHOD, SHIPPED)] if self._shipped else []
        return [defaults(NO_METHOD), *map(defaults, methods), *shipped]

    def _drawn(self, decisive: Sequence[Values]) -> list[dict[str, Any]]:
        """The parameters of trials with these values, without duplicate recipes."""
        found: dict[str, dict[str, Any]] = {}
        for values in decisive:
            recorder = _Recorder(with_defaults(values, self._settings))
            recipe = draw(recorder, self._settings, shipped=self._shipped)
            found.setdefault(repr(recipe), recorder.asked)
        return list(found.values())

    def _new(self) -> TrialTask:
        trial = self._study.ask()
        return self._task(trial)

    def _task(self, trial: optuna.Trial, before: Outcome | None = None) -> TrialTask:
        """The trial on its first rung, or on the one after that of an outcome."""
        values = draw(trial, self._settings, shipped=self._shipped)
        trial.set_user_attr(_VALUES, values)
        self._live[trial.number] = trial
        rung = 0 if before is None else before.rung + 1
        return TrialTask(trial.number, values, rung, before)

    def _decide(self, trial: optuna.Trial, outcome: Outcome) -> None:
        import optuna

        protected = trial.number < self.fixed
        # Asked in any case: the pruner compares other trials with this one.
        given_up = trial.should_prune() and not protected
        if outcome.problem or (given_up and outcome.rung + 1 < self._settings.rungs):
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif outcome.rung + 1 < self._settings.rungs:
            self._ready.append(self._task(trial, outcome))
        else:
            self._study.tell(trial, outcome.cer)

    def _resume(self) -> None:
        """Continue the trials that an earlier session has not finished."""
        import optuna

        for frozen in self._study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            trial = optuna.trial.Trial(self._study, frozen._trial_id)
            found = list(_outcomes(frozen.user_attrs))
            if found and len(frozen.intermediate_values) < len(found):
                trial.report(found[-1].cer, self._settings.reduction ** found[-1].rung)
            if found:
                self._live[trial.number] = trial
                self._decide(trial, found[-1])
            else:
                self._ready.append(self._task(trial))


class _Recorder:
    """Answers suggestions with the values of a recipe, and records which were asked for."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self.asked: dict[str, Any] = {}

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._noted(name)

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self._noted(name))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return float(self._noted(name))

    def _noted(self, name: str) -> Any:
        self.asked[name] = self._values[name]
        return self.asked[name]


class _Unlocked:
    """The lock of a journal in a folder that is locked anyhow."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        """Nothing."""


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UserError("tune needs optuna; run pip install 'captcha-ssl[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _cut_off_half_a_line(file: Path) -> None:
    """Remove the incomplete last line that a killed process leaves behind."""
    if file.exists():
        whole = file.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            os.truncate(file, end)


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _outcomes(attributes: Values) -> Iterator[Outcome]:
    rung = 0
    while (record := attributes.get(f"{_RUNG} {rung}")) is not None:
        yield Outcome(**record)
        rung += 1
