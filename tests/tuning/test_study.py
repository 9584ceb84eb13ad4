"""What is tried next: defaults first, the best reach the next rung, and a session resumes another.

The trials are answered by a formula here: nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="needs the extra tune")

from captcha_ssl.errors import UserError
from captcha_ssl.tuning.importance import explained, groups, importance
from captcha_ssl.tuning.settings import TuneSettings
from captcha_ssl.tuning.space import Values, defaults, with_defaults
from captcha_ssl.tuning.study import JOURNAL, Study
from captcha_ssl.tuning.trial import Outcome, TrialTask

SETTINGS = TuneSettings(trials=30, rungs=3, reduction=3)
ERRORS = 100
"""Characters of a hundred held-out images of one."""


def _outcome(task: TrialTask, cer: float, problem: str = "") -> Outcome:
    wrong = round(cer * ERRORS)
    errors = [1] * wrong + [0] * (ERRORS - wrong)
    return Outcome(task.number, task.rung, wrong / ERRORS, 1 - wrong / ERRORS, errors, 1.0, problem)


def _search(
    folder: Path, cer: Callable[[TrialTask], float], settings: TuneSettings = SETTINGS
) -> tuple[Study, list[TrialTask]]:
    study, seen = Study(folder, settings, shipped=True), []
    for task in study.tasks():
        seen.append(task)
        study.tell(_outcome(task, cer(task)))
    return study, seen


def test_defaults_come_first_and_the_first_three_go_through_all_rungs(tmp_path: Path) -> None:
    _, seen = _search(tmp_path, lambda task: 0.9)
    first = [(task.number, task.rung) for task in seen[:9]]
    assert first == [(number, rung) for number in range(3) for rung in range(3)]
    new = [task for task in seen if not task.rung]
    decisive = [
        defaults("none"),
        defaults("simclr"),
        defaults("none", "shipped"),
        defaults("none", "shipped", self_training=True),
        *map(defaults, SETTINGS.methods[1:]),
    ]
    assert [task.values for task in new[: len(decisive)]] == [
        with_defaults(values, SETTINGS) for values in decisive
    ]


def test_few_continue_and_those_are_the_better_ones(tmp_path: Path) -> None:
    study, seen = _search(tmp_path, lambda task: 0.2 + (task.number * 7 % 25) / 50)
    found = [trial for trial in study.tried() if trial.number >= study.fixed]
    further = [trial for trial in found if trial.last.rung > 0]
    assert 0 < len(further) < len(found) / 2
    mean = sum(t.outcomes[0].cer for t in found) / len(found)
    assert sum(t.outcomes[0].cer for t in further) / len(further) < mean
    assert len([task for task in seen if not task.rung]) == 30


def test_the_one_dimension_that_matters_is_found_and_reported(tmp_path: Path) -> None:
    """Reading is ruined unless crops are narrow; the default is not."""

    def cer(task: TrialTask) -> float:
        width = task.values.get("pretrain.crop_width", "none")
        return {24: 0.05, 16: 0.4}.get(width, 0.7)

    settings = SETTINGS.replace(methods=("simclr",), trials=40)
    study, seen = _search(tmp_path, cer, settings)
    best = study.best()
    assert best is not None and best.values["pretrain.crop_width"] == 24
    drawn = [task.values["pretrain.crop_width"] for task in seen if "pretrain.lr" in task.values]
    assert drawn[-10:].count(24) > drawn[:10].count(24)
    mattered = importance(study.tried())
    first, second = list(mattered)[:2]
    assert first == "pretrain.crop_width"
    assert mattered[first] > 0.9 > mattered[second]


def test_the_explained_share_is_the_adjusted_one_of_an_analysis_of_variance() -> None:
    # Ranks 1 to 6 in pairs: of the sum of squares 17.5 the pairs explain 16, within them is 1.5;
    # 1 = (3 − 1) · 1.5 / (6 − 3) of the former by chance.
    assert explained([0, 0, 1, 1, 2, 2], [0.1, 0.2, 0.5, 0.6, 0.8, 0.9]) == pytest.approx(15 / 17.5)
    assert explained([0, 1, 0, 1], [0.1, 0.1, 0.3, 0.3]) == 0.0
    assert explained([0, 0, 1, 1], [0.2, 0.2, 0.2, 0.2]) == 0.0
    assert groups(["a", "b", "a", None]) == [0, 1, 0, 2]
    assert groups([0.1, 0.9, 0.2, 0.5, 0.45, 0.8, 0.3]) == [0, 2, 0, 1, 1, 2, 0]


def test_the_best_is_never_behind_the_defaults(tmp_path: Path) -> None:
    study, _ = _search(tmp_path, lambda task: 0.3 if task.number == 1 else 0.6)
    best = study.best()
    assert best is not None and best.number == 1
    equal, _ = _search(tmp_path / "", lambda task: 0.3, SETTINGS.replace(trials=30, seed=1))
    assert equal.best() is not None


def test_if_the_time_ends_early_only_a_clear_lead_counts(tmp_path: Path) -> None:
    def study_of(cer: float, folder: Path) -> Study:
        folder.mkdir()
        study = Study(folder, SETTINGS, shipped=True)
        for task in study.tasks():
            if task.number == 3:
                study.tell(_outcome(task, cer))
                return study
            study.tell(_outcome(task, 0.5))
        raise AssertionError

    slightly, clearly = study_of(0.48, tmp_path / "a").best(), study_of(0.2, tmp_path / "b").best()
    assert slightly is not None and slightly.number == 0
    assert clearly is not None and clearly.number == 3


def test_a_recipe_that_cannot_be_tried_is_dropped(tmp_path: Path) -> None:
    study = Study(tmp_path, SETTINGS, shipped=True)
    for task in study.tasks():
        study.tell(_outcome(task, 0.5, "no use" if task.number > 3 else ""))
    assert all(not trial.last.rung for trial in study.tried() if trial.number > 3)
    best = study.best()
    assert best is not None and best.number <= 3


@pytest.mark.parametrize("stopped_after", [0, 1, 5, 11, 20])
def test_another_session_continues_where_one_was_killed(tmp_path: Path, stopped_after: int) -> None:
    def cer(task: TrialTask) -> float:
        return 0.2 + (task.number * 7 % 25) / 50

    study, done = Study(tmp_path, SETTINGS, shipped=True), []
    for task in study.tasks():
        if len(done) == stopped_after:
            break  # It was handed out and never came back.
        study.tell(_outcome(task, cer(task)))
        done.append((task.number, task.rung))
    with (tmp_path / JOURNAL).open("a") as journal:
        journal.write('{"op_code": 5, "wor')  # As a killed process leaves it.
    resumed, seen = _search(tmp_path, cer)
    again = [(task.number, task.rung) for task in seen]
    assert not set(done) & set(again)
    assert (task.number, task.rung) in again
    assert len(resumed.started()) == 30
    # The trial that was under way has the values that it had.
    values = {seen_task.number: seen_task.values for seen_task in seen}
    assert values[task.number] == task.values
    # Every trial that is not pruned has reached the last rung.
    assert all(t.pruned or t.last.rung == 2 for t in resumed.tried())


def test_a_damaged_journal_is_one_line(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text("[1, 2]\n{}\n")
    with pytest.raises(UserError, match=r"journal.jsonl: damaged .*; start a new --out"):
        Study(tmp_path, SETTINGS, shipped=True)


def test_sessions_do_not_draw_the_same_twice(tmp_path: Path) -> None:
    def lrs(study: Study, count: int) -> list[float]:
        found: list[float] = []
        for task in study.tasks():
            values: Values = task.values
            if task.number > 10 and not task.rung:
                found.append(values["finetune.lr"])
            if len(found) == count:
                return found
            study.tell(_outcome(task, 0.5))
        return found

    first = lrs(Study(tmp_path, SETTINGS, shipped=True), 4)
    second = lrs(Study(tmp_path, SETTINGS, shipped=True), 4)
    assert not set(first[:3]) & set(second[1:])
