"""The arm `adapted`: the shipped model, trained on what it reads surely in the pool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from captcha_ssl.benchmark.plan.arms import counterpart
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.run import run_benchmark
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings
from tests.benchmark.conftest import tiny

pytestmark = pytest.mark.slow

ARMS = "arms=shipped,adapted"


def test_it_learns_from_the_pool_and_is_compared_with_the_shipped_model(tmp_path: Path) -> None:
    pictures = PictureSettings(style="plain", charset="0123456789", length="4")
    generate(tmp_path / "digits", pictures, GenerateSettings(count=80, workers=1))
    few = (ARMS, "label_counts=4", "seeds=1", "adapt_steps=2", "lr_grid=1e-3", "head_lr_grid=3e-3")
    config = tiny(tmp_path / "digits", *few)
    results = run_benchmark(tmp_path / "out", config, command="x")
    shipped, adapted = config.arms
    assert counterpart(adapted, config.arms) == shipped
    (pretraining,) = (run for run in results.pretrained if run.method == "adapted")
    assert pretraining.steps == 2
    assert Recognizer.load(pretraining.file).charset.characters == "0123456789"
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "adapted is the model in the package, trained on the texts that it reads" in report
    assert "| adapted | 0 | 2 | " in report


def test_noise_is_refused_before_any_training(run: Callable[..., Results], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^arm adapted: .* or leave the arm out of --arms$"):
        run(tmp_path / "out", ARMS)
    assert not (tmp_path / "out").exists()
