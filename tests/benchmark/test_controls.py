"""The arms that a critic would ask for, on noise with random labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.runs import job
from captcha_ssl.benchmark.runs.encoders import synthetic
from captcha_ssl.benchmark.runs.records import best
from captcha_ssl.config import Given
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import load_model
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning

pytestmark = pytest.mark.slow


def configure(**given: Any) -> BenchmarkConfig:
    return BenchmarkConfig.read(Given(**given))


Run = Callable[..., Results]
ARMS = "arms=scratch,scratch-strong,scratch-self-training,synthetic,synthetic-frozen"
FEW = (ARMS, "label_counts=4", "synthetic=12", "length=2")


def untimed(results: Results) -> list[dict[str, Any]]:
    return [{k: v for k, v in asdict(row).items() if k != "seconds"} for row in results.rows]


@pytest.fixture(scope="module")
def finished(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    out = tmp_path_factory.mktemp("controls") / "out"
    return out, run(out, *FEW)


def test_a_resumed_benchmark_has_the_same_rows(finished: tuple[Path, Results], run: Run):
    out, results = finished
    for file in [*(out / "cells").iterdir(), *(out / "pretrained").glob("*/model.safetensors")]:
        file.unlink()
    again = run(out, *FEW, resume=True)
    assert untimed(again) == untimed(results)
    assert {row.arm for row in results.rows} == set(ARMS.removeprefix("arms=").split(","))


def test_the_synthetic_encoder_comes_from_rendered_labels_of_the_same_charset(
    finished: tuple[Path, Results],
):
    out, results = finished
    (pretrained,) = results.pretrained
    assert (pretrained.method, pretrained.steps) == ("synthetic", 4)
    assert pretrained.seconds > 0
    assert "never left the CTC plateau" in " ".join(pretrained.findings)
    drawn = load_dataset(out / "pretrained" / "synthetic-data", labeled=True)
    assert len(drawn) == 12
    assert all(len(label) == 2 and set(label) <= set("ABC") for label in drawn.labels or [])
    card, tensors = load_model(pretrained.file)
    assert (card.kind, card.charset, card.geometry.width) == ("recognizer", "ABC", 32)
    _, frozen = load_model(out / "models" / "synthetic-frozen")
    assert torch.equal(tensors["encoder.stem.0.weight"], frozen["encoder.stem.0.weight"])


def test_the_report_says_what_these_arms_do_and_what_synthetic_costs(
    finished: tuple[Path, Results],
):
    text = (finished[0] / "report.md").read_text()
    assert "synthetic is pretrained not on the pool but on 12 images rendered in the style" in text
    assert "| synthetic | 0 | 4 | " in text
    assert "…-strong trains with larger warps" in text
    assert "probability is at least 0.3" in text


def test_synthetic_is_compared_with_arms_without_pretraining(
    finished: tuple[Path, Results],
):
    entries = {entry.arm: entry for entry in finished[1].entries}
    plain = {"scratch", "scratch-strong", "scratch-self-training"}
    assert entries["synthetic"].baseline in plain


def watch(monkeypatch: pytest.MonkeyPatch) -> list[Finetuning]:
    """The fine-tunings that a benchmark is about to make, as they come."""
    seen: list[Finetuning] = []

    class Watched(Finetuning):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            seen.append(self)

    monkeypatch.setattr(job, "Finetuning", Watched)
    return seen


def test_self_training_gets_the_pool_and_strong_arms_strong_views(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = watch(monkeypatch)
    arms = "arms=scratch,scratch-strong,scratch-self-training"
    results = run(tmp_path / "out", arms, "label_counts=4", "seeds=1")
    piles = [task.data.unlabeled for task in seen if task.data.unlabeled is not None]
    assert len(seen) == 9
    # Two rates and one reported run; images alone, so no label of the pool can be read.
    assert [pile.images.shape for pile in piles] == [(results.data["pool"], 1, 32, 32)] * 3
    assert all(pile.labels is None for pile in piles)
    assert sorted(task.config.views.strokes for task in seen) == [0] * 6 + [2] * 3
    assert len({str(task.config.finetune) for task in seen}) == 1


def test_the_recipe_of_a_self_training_arm_is_tuned_on_validation_images(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    watched = watch(monkeypatch)
    grids = ("lr_grid=0.001,0.003", "recipes=ramp=0,ramp=0.7:finetune_batch_size=2")
    asked = ("arms=scratch,scratch-self-training", "label_counts=4", "seeds=2")
    results = run(tmp_path / "out", *asked, *grids)
    configs = [task.config for task in watched if task.data.unlabeled is not None]
    seen = [(c.loop.lr, c.self_training.ramp, c.loop.batch_size) for c in configs]
    assert seen[:4] == [(0.001, 0, 4), (0.001, 0.7, 2), (0.003, 0, 4), (0.003, 0.7, 2)]
    tried = [trial for trial in results.trials if trial.arm == "scratch-self-training"]
    won = best(tried)
    told = {"ramp=0": (0, 4), "ramp=0.7:finetune_batch_size=2": (0.7, 2)}
    assert seen[4:] == [(won.lr, *told[won.recipe])] * 2
    reported = {(row.arm, row.recipe) for row in results.rows}
    assert reported == {("scratch", ""), (won.arm, won.recipe)}
    report = (tmp_path / "out/report.md").read_text(encoding="utf-8")
    assert f"it uses {won.recipe} for {won.arm} at 4)" in report
    assert "A recipe may change these values" in report


@pytest.mark.parametrize("recipe", ["ramp=7", "rampe=0.3", "ramp", "lr=0.1"])
def test_a_recipe_that_cannot_be_followed_is_named(recipe: str):
    with pytest.raises(UserError, match=f"recipes, {recipe}: "):
        configure(assignments=[f"recipes={recipe}"])


def test_strokes_and_alignment_apply_to_every_arm_and_are_in_the_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(monkeypatch)
    settings = ("alignment=0.2", "alignment_steps=7", "finetune_strokes=2")
    run(tmp_path / "out", *settings, "arms=scratch,simclr", "label_counts=4")
    told = [
        (c.finetune.alignment, c.finetune.alignment_steps, c.views.strokes)
        for c in (task.config for task in seen)
    ]
    assert set(told) == {(0.2, 7, 2)} and len(told) == 8
    report = (tmp_path / "out/report.md").read_text(encoding="utf-8")
    assert "up to 2 random curved strokes" in report
    assert "falls from 0.2 to 0" in report


def test_the_shipped_model_is_an_arm_for_its_own_encoder_alone(run: Run, tmp_path: Path) -> None:
    arms = ("arms=scratch,shipped,shipped-frozen", "label_counts=4", "seeds=1")
    with pytest.raises(UserError, match="--set encoder=small"):
        run(tmp_path / "tiny", *arms, "encoder=tiny")
    results = run(tmp_path / "small", *arms)
    (pretrained,) = results.pretrained
    assert (pretrained.method, pretrained.steps) == ("shipped", 0)
    assert {entry.arm: entry.baseline for entry in results.entries} == {
        "scratch": None, "shipped": "scratch", "shipped-frozen": "scratch",
    }  # fmt: skip
    _, kept = load_model(tmp_path / "small/models/shipped-frozen")
    _, theirs = load_model(Path("shipped"))
    assert torch.equal(kept["encoder.stem.0.weight"], theirs["encoder.stem.0.weight"].float())
    assert "shipped starts from the model" in (tmp_path / "small/report.md").read_text()


def test_several_synthetic_pretrainings_learn_from_images_that_are_rendered_before_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """They may run side by side, and none of them may render into the folder of another."""
    done: list[str] = []

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: (done.append(name), function(*given, **named))[1]

    monkeypatch.setattr(synthetic, "generate", noted("rendered", synthetic.generate))
    monkeypatch.setattr(synthetic, "Finetuning", noted("trained", synthetic.Finetuning))
    few = ("arms=synthetic", "label_counts=4", "synthetic=12", "length=2")
    results = run(tmp_path / "out", *few, "pretrain_seeds=2", "processes=1")
    assert done == ["rendered", "trained", "trained"]
    assert [(one.method, one.seed) for one in results.pretrained] == [
        ("synthetic", 0),
        ("synthetic", 1),
    ]
