"""Whole benchmarks on noise with random labels: nothing is learned, but everything is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.run import run_benchmark
from captcha_ssl.benchmark.runs import job
from captcha_ssl.benchmark.runs.encoders import of_method
from captcha_ssl.benchmark.runs.progress import BenchmarkListener
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import load_model
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.pretrain import Pretraining
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult, Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.reading.recognizer import Recognizer
from tests.benchmark.conftest import tiny

pytestmark = pytest.mark.slow

Run = Callable[..., Results]


def test_every_cell_has_its_row_and_its_file(uninterrupted: tuple[Path, Results]):
    out, results = uninterrupted
    found = [(row.arm, row.labels, row.seed) for row in results.rows]
    arms = ("scratch", "simclr", "simclr-frozen")
    assert found == [(arm, n, seed) for arm in arms for n in (4, 8) for seed in (1, 2)]
    assert len(list((out / "tuning").iterdir())) == len(results.trials) == 3 * 2 * 2
    for row in results.rows:
        file = out / "cells" / f"{row.arm}-{row.labels}-{row.seed}.json"
        assert json.loads(file.read_text()) == asdict(row)
    stored = json.loads((out / "benchmark.json").read_text())
    assert stored["rows"] == [asdict(row) for row in results.rows]


def test_with_one_rate_nothing_is_tuned(run: Run, tmp_path: Path):
    rates = ("lr_grid=0.002", "head_lr_grid=0.004")
    results = run(tmp_path / "out", "arms=scratch,random-frozen", "label_counts=4", *rates)
    assert results.trials == [] and not (tmp_path / "out" / "tuning").exists()
    assert {(row.arm, row.lr) for row in results.rows} == {
        ("scratch", 0.002),
        ("random-frozen", 0.004),
    }
    report = (tmp_path / "out" / "report.md").read_text()
    assert "the learning rate is 0.002, and 0.004 where the encoder is frozen" in report
    assert "All arms learn at one rate" in report


class Watched:
    """What a benchmark trained on and scored on, image by image (as their bytes)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trained: list[tuple[str, int, int, float, list[bytes]]] = []
        self.scored: list[list[bytes]] = []
        watched = self

        class WatchedFinetuning(Finetuning):
            def train(self, *given: Any, **options: Any) -> FinetuneResult:
                loop, data = self.config.loop, self.data.train
                watched.trained.append(
                    (watched.arm, len(data), loop.seed, loop.lr, watched.pictures(data))
                )
                return super().train(*given, **options)

        perform = job.Bench.perform

        def watched_perform(bench: job.Bench, asked: job.Job) -> Any:
            self.arm = asked.arm.name
            return perform(bench, asked)

        def watched_evaluate(recognizer: Recognizer, data: Dataset) -> Any:
            self.scored.append(self.pictures(data))
            return evaluate(recognizer, data)

        monkeypatch.setattr(job, "Finetuning", WatchedFinetuning)
        monkeypatch.setattr(job.Bench, "perform", watched_perform)
        monkeypatch.setattr(job, "evaluate", watched_evaluate)

    @staticmethod
    def pictures(data: Dataset) -> list[bytes]:
        return [image.tobytes() for image in data.images]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_seed_means_the_same_nested_labels_in_every_arm(
    run: Run, watched: Watched, tmp_path: Path
):
    run(tmp_path / "out")
    subsets: dict[tuple[int, int], set[tuple[bytes, ...]]] = {}
    for _, labels, seed, _, pictures in watched.trained:
        subsets.setdefault((labels, seed), set()).add(tuple(pictures))
    assert all(len(different) == 1 for different in subsets.values())
    for seed in (0, 1, 2):
        ((fewer,), (more,)) = subsets[4, seed], subsets[8, seed]
        assert more[:4] == fewer
    assert subsets[8, 1] != subsets[8, 2]


def test_tuning_never_touches_the_test_images_which_are_read_once(
    run: Run, watched: Watched, tmp_path: Path
):
    results = run(tmp_path / "out")
    train = [(arm, seed, pictures) for arm, _, seed, _, pictures in watched.trained]
    reported = [set(s) for (_, seed, _), s in zip(train, watched.scored, strict=True) if seed]
    tuned = [
        (set(s), set(t)) for (_, seed, t), s in zip(train, watched.scored, strict=True) if seed == 0
    ]
    test = reported[0]
    assert len(test) == 10
    assert reported == [test] * len(results.rows)
    assert len(tuned) == len(results.trials)
    assert all(not validation & test for validation, _ in tuned)
    # No image that is trained on, a copy or not, is tested.
    assert all(not set(pictures) & test for _, _, pictures in train)


def test_a_pile_is_learned_from_by_pretraining_and_by_self_training(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pile, shade = tmp_path / "pile", 200
    size = {"count": 50, "channels": 1, "height": 32, "width": 32}
    with open_writer(pile, "packed", **size, about={}) as writer:
        for index in range(50):
            writer.add(index, np.full((1, 32, 32), shade + index, np.uint8), "A")
    seen: dict[str, set[int]] = {"pretraining": set(), "fine-tuning": set()}

    def noted(kind: str, images: ImageArray) -> None:
        seen[kind] |= {int(image.min()) for image in images if image.min() == image.max()}

    class Watched(Pretraining):
        def __init__(self, config: PretrainConfig, data: Dataset) -> None:
            noted("pretraining", data.images)
            super().__init__(config, data)

    class WatchedFinetuning(Finetuning):
        def __init__(self, config: FinetuneConfig, data: FinetuneData) -> None:
            if data.unlabeled is not None:
                noted("fine-tuning", data.unlabeled.images)
            super().__init__(config, data)

    monkeypatch.setattr(of_method, "Pretraining", Watched)
    monkeypatch.setattr(job, "Finetuning", WatchedFinetuning)
    arms = ("arms=scratch,simclr-self-training", "label_counts=4", "lr_grid=0.002")
    results = run(tmp_path / "out", *arms, "head_lr_grid=0.004", f"pile={pile}")
    assert seen == {kind: set(range(shade, shade + 50)) for kind in seen}
    assert (results.data["pool"], results.data["pile"]) == (100, 50)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "100 training images and 50 without labels, 10 test images." in report
    assert "sees the 100 pool images without labels and the 50 of the pile: simclr" in report


def test_validation_is_as_large_as_the_labels(run: Run, watched: Watched, tmp_path: Path):
    run(tmp_path / "out", "arms=scratch")
    trials = [
        (trained, scored)
        for (_, _, seed, _, trained), scored in zip(watched.trained, watched.scored, strict=True)
        if seed == 0
    ]
    assert [(len(t), len(v)) for t, v in trials] == [(4, 4), (4, 4), (8, 8), (8, 8)]


def test_reported_runs_use_the_rate_that_tuned_best(uninterrupted: tuple[Path, Results]):
    _, results = uninterrupted
    for row in results.rows:
        tried = [t for t in results.trials if (t.arm, t.labels) == (row.arm, row.labels)]
        assert row.lr == min(tried, key=lambda trial: trial.cer).lr
        grid = {3e-3, 1e-2} if row.arm == "simclr-frozen" else {1e-3, 3e-3}
        assert {trial.lr for trial in tried} == grid


def test_the_model_kept_is_that_of_the_last_seed_at_most_labels(
    uninterrupted: tuple[Path, Results], data: Path
):
    out, results = uninterrupted
    for arm in ("scratch", "simclr", "simclr-frozen"):
        Recognizer.load(out / "models" / arm)
        card, _ = load_model(out / "models" / arm)
        (row,) = (r for r in results.rows if (r.arm, r.labels, r.seed) == (arm, 8, 2))
        # Its time is left out: equal runs leave equal files.
        assert card.about == {k: v for k, v in asdict(row).items() if k != "seconds"}


def test_a_frozen_arm_keeps_the_pretrained_encoder_and_the_others_change_it(
    uninterrupted: tuple[Path, Results],
):
    out, _ = uninterrupted
    _, encoder = load_model(out / "pretrained" / "simclr")
    for arm, same in (("simclr-frozen", True), ("simclr", False), ("scratch", False)):
        _, tensors = load_model(out / "models" / arm)
        name = "stem.0.weight"
        assert torch.equal(encoder[name], tensors[f"encoder.{name}"]) is same


def test_scratch_long_gets_the_steps_that_the_pretraining_took(run: Run, tmp_path: Path):
    arms = "arms=scratch-long,pretrained"
    results = run(tmp_path / "out", arms, "label_counts=4")
    matched = json.loads((tmp_path / "out" / "scratch-long.json").read_text())
    (pretrained,) = results.pretrained
    done = (*results.trials, *results.rows)
    tried = [one.seconds / one.steps for one in done if one.arm == "simclr"]
    assert matched["pretrain_seconds"] == pretrained.seconds > 0
    assert matched["seconds_per_step"] == pytest.approx(sum(tried) / len(tried))
    steps = 3 + round(pretrained.seconds / matched["seconds_per_step"])
    assert steps > 3
    runs = [*results.rows, *results.trials]
    assert {run.steps for run in runs if run.arm == "scratch-long"} == {steps}
    assert {run.steps for run in runs if run.arm == "simclr"} == {3}
    assert [row.arm for row in results.rows] == ["scratch-long"] * 2 + ["simclr"] * 2


def test_runs_use_the_pretrainings_in_turn(run: Run, tmp_path: Path):
    settings = ("arms=pretrained", "pretrain_seeds=2", "seeds=3", "label_counts=4", "seed=5")
    results = run(tmp_path / "out", *settings)
    assert [(row.seed, row.pretrain_seed) for row in results.rows] == [(6, 5), (7, 6), (8, 5)]
    assert sorted(f.name for f in (tmp_path / "out" / "pretrained").iterdir()) == [
        "simclr-5",
        "simclr-6",
    ]


def test_copies_of_test_images_are_counted_and_the_test_set_is_capped(run: Run, tmp_path: Path):
    results = run(tmp_path / "out", "arms=scratch", "label_counts=4", "seeds=1", "test=5000")
    assert results.data["test"] == 24
    assert results.data["copies_removed"] == 24
    assert results.data["pool"] == 120 - 24 - 24


def test_what_is_doubtful_in_the_labels_is_said_first(data: Path, tmp_path: Path):
    table = tmp_path / "set" / "labels.csv"
    shutil.copytree(data, table.parent)
    rows = table.read_text().splitlines()[1:]
    table.write_text("index,label\n" + "".join(f"{row.split(',')[0]},AA\n" for row in rows))
    heard: list[str] = []
    config = tiny(table.parent, "arms=scratch", "label_counts=4", "seeds=1")
    run_benchmark(tmp_path / "out", config, command="x", listener=BenchmarkListener(heard.append))
    assert heard[0].startswith("all 120 labels are 'AA'")


def test_too_many_labels_are_refused_before_anything_is_written(run: Run, tmp_path: Path):
    with pytest.raises(UserError, match="lower --label-counts"):
        run(tmp_path / "out", "label_counts=60")
    assert not (tmp_path / "out").exists()


def test_a_run_that_diverges_is_noted_and_the_rest_continues(run: Run, tmp_path: Path):
    arms = ("arms=scratch,pretrained", "label_counts=4", "lr_grid=1e-3,1e30")
    results = run(tmp_path / "out", "methods=simclr,simclr:pretrain_lr=1e30", *arms)
    assert {row.arm for row in results.rows} == {"scratch", "simclr"}
    assert {row.lr for row in results.rows} == {1e-3}
    assert {t.final_loss is None for t in results.trials if t.lr > 1} == {True}
    report = (tmp_path / "out" / "report.md").read_text()
    assert "simclr:pretrain_lr=1e30 (seed 0): the loss is not finite at step" in report
    again = run(tmp_path / "out", "methods=simclr,simclr:pretrain_lr=1e30", *arms, resume=True)
    assert again.rows == results.rows


def test_a_method_that_cannot_learn_from_the_images_is_refused_first(run: Run, tmp_path: Path):
    with pytest.raises(UserError, match="color"):
        run(tmp_path / "out", "methods=simclr,colorization", "channels=3")
    assert not (tmp_path / "out").exists()
