"""A whole search on a few small images: what it writes, what it keeps apart, what it finds."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("optuna", reason="needs the extra tune")

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.runs.material import read_material
from captcha_ssl.config import Given
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.errors import UserError
from captcha_ssl.notice import silent
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.training.run_directory import open_run
from captcha_ssl.training.settings import ModelSettings
from captcha_ssl.tuning import space, trial
from captcha_ssl.tuning.config import TuneConfig
from captcha_ssl.tuning.material import SearchMaterial, folds
from captcha_ssl.tuning.recipe import Recipe
from captcha_ssl.tuning.results import SearchResults
from captcha_ssl.tuning.settings import NO_METHOD, TuneSettings
from captcha_ssl.tuning.space import FINETUNE, Dimension, Times, defaults, with_defaults
from captcha_ssl.tuning.trial import TrialBench, TrialTask
from captcha_ssl.tuning.tune import Tuning
from captcha_ssl.workers.choice import ThisProcess

LETTERS = "ABCD"
SMALL = TuneSettings(
    methods=("simclr",),
    pretrain_steps=2,
    finetune_steps=2,
    rungs=1,
    folds=1,
    trials=2,
    device="cpu",
)


def _pile(folder: Path, draw: Callable[[str], np.ndarray], count: int, labeled: int) -> Path:
    """Images of two letters, each another shade so that none are copies; labels for some."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for index in range(count):
        text = LETTERS[index % 4] + LETTERS[index // 4 % 4]
        pixels = draw(text)[:, :48]
        pixels = np.where(pixels == 0, index % 60, 255 - index // 60).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{index}.png"), pixels)
        rows.append((f"{index}.png", text))
    with (folder / "labels.csv").open("w", newline="") as table:
        csv.writer(table).writerows([("filename", "label"), *rows[:labeled]])
    return folder


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory, draw_text: Callable[[str], np.ndarray]) -> Path:
    return _pile(tmp_path_factory.mktemp("tune") / "pile", draw_text, 120, 120)


def _run(out: Path, settings: TuneSettings, pile: Path, *, resume: bool = False) -> SearchResults:
    config = TuneConfig(settings)
    job = Tuning(config, pile)
    with open_run(out, config.to_toml(), resume=resume) as run:
        return job.run(run, crew=ThisProcess(), command="captcha-ssl tune pile")


def test_a_search_writes_a_recipe_and_a_report(pile: Path, tmp_path: Path) -> None:
    results = _run(tmp_path / "out", SMALL.replace(trials=3), pile)
    out = tmp_path / "out"
    assert [trial.number for trial in results.tried] == [0, 1, 2]
    assert results.best.last.cer == min(trial.last.cer for trial in results.tried)
    report = (out / "report.md").read_text()
    for words in (
        "scratch with defaults",
        "simclr with defaults",
        "shipped with defaults",
        "captcha-ssl tune pile",
        f"captcha-ssl finetune {pile} --config",
        f"captcha-ssl benchmark {pile} --config",
        "No trial saw the 24 images that `benchmark` tests on",
        "search.png",
    ):
        assert words in report
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2  # the search and the views
    assert not list((out / "trials").iterdir())
    recipe = Given(out / "recipe.toml", section="benchmark")
    config = BenchmarkConfig.read(replace(recipe, flags={"data": str(pile)}))
    assert read_material(pile, config).test  # It does not ask for more labels than there are.


def test_with_labels_of_their_own_a_benchmark_takes_others(pile: Path, tmp_path: Path) -> None:
    settings, out = SMALL.replace(trials=1), tmp_path / "out"
    job = Tuning(TuneConfig(settings), pile / "images", pile / "labels.csv")
    with open_run(out, job.config.to_toml(), resume=False) as run:
        job.run(run, crew=ThisProcess())
    report = (out / "report.md").read_text()
    assert f"captcha-ssl finetune {pile / 'labels.csv'} --config" in report
    assert "captcha-ssl benchmark OTHER_LABELED --config" in report
    assert "`OTHER_LABELED` are labeled images that no trial has seen." in report
    recipe = Given(out / "recipe.toml", section="benchmark")
    config = BenchmarkConfig.read(replace(recipe, flags={"data": str(pile)}))
    assert config.benchmark.pile == (pile / "images",)


@pytest.mark.slow
def test_the_planted_answer_is_found_by_training(
    pile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the default number of steps nothing can be learned, in the other everything."""
    long_or_short = Dimension(FINETUNE, "steps", Times((1, 30)))
    monkeypatch.setattr(space, "SPACE", (long_or_short,))
    settings = SMALL.replace(methods=(), only=("finetune.steps",), trials=4, seed=1)
    results = _run(tmp_path / "out", settings, pile)
    assert [results.named(trial) for trial in results.baselines] == ["scratch with defaults"]
    by_steps = {trial.values["finetune.steps"]: trial.last.cer for trial in results.tried}
    assert by_steps[2] > 0.5
    assert by_steps[60] < 0.1
    assert results.best.last.cer == by_steps[60]
    recipe = FinetuneConfig.read(Given(tmp_path / "out" / "recipe.toml", section="finetune"))
    assert recipe.finetune.steps == 60


@pytest.mark.parametrize(("method", "trainings"), [(NO_METHOD, 3), ("simclr", 1 + 2 + 3)])
def test_what_no_rung_changes_is_trained_once(
    pile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, trainings: int
) -> None:
    """Rungs differ in their pretraining: without any, only the folds that a rung adds are new."""
    trained = []

    def counted(*given: Any) -> Finetuning:
        trained.append(given)
        return Finetuning(*given)

    monkeypatch.setattr(trial, "Finetuning", counted)
    settings = SMALL.replace(rungs=3, folds=3)
    bench = TrialBench(tmp_path, SearchMaterial(pile, None, settings), ModelSettings())
    values = with_defaults(defaults(method), settings)
    before = None
    for rung in range(3):
        before = bench.perform(TrialTask(0, values, rung, before), silent)
    assert before is not None and len(trained) == trainings
    at_once = bench.perform(TrialTask(0, values, 2), silent)
    assert replace(before, seconds=0) == replace(at_once, seconds=0)
    assert len(before.errors) == 96


def test_no_trial_sees_an_image_that_benchmark_tests_on(pile: Path) -> None:
    start = Recipe(with_defaults(defaults("none"), SMALL), SMALL, ModelSettings())
    images = SearchMaterial(pile, None, SMALL).at(start)
    config = BenchmarkConfig.read(Given(flags={"data": str(pile), "label_counts": "48"}))
    tested = read_material(pile, config).test
    assert images.aside == len(tested) == 24
    seen = {*map(bytes, images.pile.images), *map(bytes, images.labeled.images)}
    assert len(images.pile) == 96
    assert not seen & set(map(bytes, tested.images))


@pytest.mark.parametrize("first", ["tiny", "small"])
def test_recipes_see_their_own_rows_in_any_order(pile: Path, first: str) -> None:
    material = SearchMaterial(pile, None, SMALL)
    rows = {}
    for encoder in (first, *{"tiny", "small"} - {first}):
        model = ModelSettings(encoder=encoder)
        start = Recipe(with_defaults(defaults("none"), SMALL), SMALL, model)
        rows[encoder] = material.at(start).labeled.geometry.height
    assert rows == {"tiny": 32, "small": 48}


def test_with_few_labeled_images_the_pile_is_all_others(
    tmp_path: Path, draw_text: Callable[[str], np.ndarray]
) -> None:
    pile = _pile(tmp_path / "pile", draw_text, 60, 20)
    start = Recipe(with_defaults(defaults("none"), SMALL), SMALL, ModelSettings())
    images = SearchMaterial(pile, None, SMALL).at(start)
    assert (len(images.pile), len(images.labeled), images.aside) == (56, 16, 4)
    named = SearchMaterial(pile / "images", pile / "labels.csv", SMALL).at(start)
    assert (len(named.pile), len(named.labeled), named.aside) == (60, 20, 0)


def test_each_label_is_held_out_once_and_never_trained_on(pile: Path) -> None:
    start = Recipe(with_defaults(defaults("none"), SMALL), SMALL, ModelSettings())
    labeled = SearchMaterial(pile, None, SMALL.replace(labels=50)).at(start).labeled
    parts = folds(labeled, SMALL.replace(folds=None))
    assert len(parts) == 3
    held = [name for _, held_out in parts for name in held_out.names]
    assert held == list(labeled.names)
    for train, held_out in parts:
        assert not set(train.names) & set(held_out.names)
        assert len(train) + len(held_out) == 50
    many = Dataset(np.zeros((400, 1, 32, 32), np.uint8), ["a"] * 400, ["x"] * 400, *_rest(labeled))
    assert [len(part) for part in folds(many, SMALL.replace(folds=None))[0]] == [300, 100]


def _rest(data: Dataset) -> tuple[object, ...]:
    return data.geometry, []


def test_resume_repeats_nothing(pile: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = _run(out, SMALL, pile)
    again = _run(out, SMALL, pile, resume=True)
    assert first.tried == again.tried
    with pytest.raises(UserError, match=r"started with other settings \(trials\)"):
        _run(out, SMALL.replace(trials=3), pile, resume=True)


def test_other_images_are_refused(
    pile: Path, tmp_path: Path, draw_text: Callable[[str], np.ndarray]
) -> None:
    out = tmp_path / "out"
    _run(out, SMALL.replace(methods=()), pile)
    other = _pile(tmp_path / "other", draw_text, 60, 60)
    with pytest.raises(UserError, match="data"):
        _run(out, SMALL.replace(methods=()), other, resume=True)


def test_too_few_labels_are_refused(pile: Path) -> None:
    with pytest.raises(UserError, match="10 labels are too few .*; label 50 images"):
        Tuning(TuneConfig(SMALL.replace(labels=10)), pile)


def test_without_labels_the_message_suggests_the_monitors_and_labeling(pile: Path) -> None:
    with pytest.raises(
        UserError, match="has no labels, .* monitors of pretrain .*; label 50 images"
    ):
        Tuning(TuneConfig(SMALL), pile / "images")
