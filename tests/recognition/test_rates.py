"""The learning rates of a fine-tuning follow what its start already reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.rates import FEW, LOW_HEAD_LR, LOW_LR, settle_rates
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.training.run_directory import CONFIG

GEOMETRY = Geometry(1, 32, 64)


@pytest.fixture
def known(draw_text: Callable[[str], np.ndarray]) -> FinetuneData:
    """Labeled images that `reader` reads."""
    texts = ["AB", "CDA", "BBD", "CAC"] * 6
    images = np.stack([GEOMETRY.fit(draw_text(text)) for text in texts])
    names = [f"{i}.png" for i in range(len(texts))]
    return FinetuneData(Dataset(images, texts, names, GEOMETRY, []), Charset("ABCD"))


@pytest.fixture
def start(reader_file: Path) -> FinetuneConfig:
    return FinetuneConfig(FinetuneSettings(init_from=reader_file))


def rates(config: FinetuneConfig) -> tuple[float, float]:
    return config.loop.lr, config.finetune.head_lr


def with_labels(data: FinetuneData, labels: list[str]) -> FinetuneData:
    return replace(data, train=replace(data.train, labels=labels))


def test_a_start_that_reads_the_labels_learns_at_lower_rates(
    start: FinetuneConfig, known: FinetuneData
) -> None:
    settled, reason = settle_rates(start, known)
    assert rates(settled) == (LOW_LR, LOW_HEAD_LR)
    assert "the start misreads 0.0% of the characters of the labels" in reason
    assert "--lr 0.0005 and --head-lr 0.002" in reason


@pytest.mark.parametrize(("wrong", "lower"), [(1, True), (2, False)])
def test_up_to_a_fiftieth_of_the_characters_may_be_misread(
    start: FinetuneConfig, known: FinetuneData, wrong: int, lower: bool
) -> None:
    labels = [*(known.train.labels or ())]
    assert sum(map(len, labels)) == 66
    labels[: 4 * wrong : 4] = ["AC"] * wrong
    settled, _ = settle_rates(start, with_labels(known, labels))
    assert (settled != start) is lower


def test_a_start_from_scratch_and_self_training_learn_as_usual(
    start: FinetuneConfig, known: FinetuneData
) -> None:
    scratch = FinetuneConfig()
    assert settle_rates(scratch, known) == (scratch, "")
    piled = replace(known, unlabeled=replace(known.train, labels=None))
    assert settle_rates(start, piled) == (start, "")


def test_many_labels_are_learned_as_usual(start: FinetuneConfig, known: FinetuneData) -> None:
    many = replace(known, train=known.train.take([*range(24)] * 21))
    assert len(many.train) > FEW
    assert settle_rates(start, many) == (start, "")


def test_a_rate_that_the_user_names_stays(start: FinetuneConfig, known: FinetuneData) -> None:
    named = replace(start, loop=start.loop.replace(lr=2e-3))
    assert settle_rates(named, known) == (named, "")
    named = replace(start, finetune=start.finetune.replace(head_lr=5e-3))
    assert settle_rates(named, known) == (named, "")


def test_a_resumed_run_keeps_its_rates(
    start: FinetuneConfig, known: FinetuneData, tmp_path: Path
) -> None:
    (tmp_path / CONFIG).write_text(start.to_toml())
    settled, reason = settle_rates(start, known, resumed=tmp_path)
    assert (rates(settled), reason) == (rates(start), "")
    lowered, _ = settle_rates(start, known)
    (tmp_path / CONFIG).write_text(lowered.to_toml())
    again, _ = settle_rates(start, with_labels(known, ["D"] * 24), resumed=tmp_path)
    assert again.to_toml() == lowered.to_toml()
    (tmp_path / CONFIG).write_text('lr = "abc"')
    assert settle_rates(start, known, resumed=tmp_path) == (start, "")
