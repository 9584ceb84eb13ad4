"""Labels are checked by recognizers that did not train on them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.config import Given
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.fine_tuning import cross_check as module
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.cross_check import check_steps, cross_check
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData

Draw = Callable[[str], np.ndarray]
WRONG = {"ABC": "ABD", "CCD": "ACD", "DBB": "BBD"}
"""Planted labels of texts."""
SETTINGS = {
    "steps": "2",
    "batch_size": "8",
    "lr": "1e-5",
    "head_lr": "1e-5",
    "device": "cpu",
    "precision": "fp32",
    "freeze": "true",
}


def texts() -> list[str]:
    return ["".join(letters) for letters in product("ABCD", repeat=3)][::2] + list(WRONG)


@pytest.fixture
def labeled(tmp_path: Path, draw_text: Draw) -> Path:
    """Images with labels, three of which are wrong."""
    folder = tmp_path / "labeled"
    folder.mkdir()
    rows = [("filename", "label")]
    for number, text in enumerate(dict.fromkeys(texts())):
        cv2.imwrite(str(folder / f"{number}-{text}.png"), draw_text(text))
        rows.append((f"{number}-{text}.png", WRONG.get(text, text)))
    with (folder / "labels.csv").open("w", newline="") as table:
        csv.writer(table).writerows(rows)
    return folder


def test_finetune_lists_exactly_the_planted_labels(
    labeled: Path, reader_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    options = [f"--set={key}={value}" for key, value in SETTINGS.items() if key != "steps"]
    options += ["--init-from", str(reader_file), "--steps", "2", "--validation", "0.2"]
    given = ["finetune", str(labeled), "--out", str(out), "--check-labels", "3", *options]
    assert run(given) == 0
    told = capsys.readouterr().err
    count = len(set(texts()))
    assert "checking the labels with 3 recognizers, 2 steps each" in told
    assert f"3 of {count} labels are probably wrong, such as that of" in told
    assert told.count("probably wrong") == 1, "those that were held out are among them"
    with (out / "suspicious.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert {(row["label"], row["reading"]) for row in rows} == {(b, a) for a, b in WRONG.items()}
    assert (out / "suspicious.png").stat().st_size > 0
    assert run([*given, "--resume"]) == 0
    assert "checking" not in capsys.readouterr().err, "the result is there"


def test_no_recognizer_reads_what_it_trained_on(
    labeled: Path, reader_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = FinetuneConfig.read(Given(flags={**SETTINGS, "init_from": str(reader_file)}))
    data = FinetuneData.load(config, labeled)
    seen: list[str] = []

    def read(config: FinetuneConfig, known: FinetuneData, images: Dataset, *_: object) -> object:
        assert not set(known.train.names) & set(images.names)
        assert len(known.train) + len(images) == len(data.train)
        seen.extend(images.names)
        return np.zeros((len(images), 16, 5), np.float32)

    monkeypatch.setattr(module, "short_reading", read)
    check = cross_check(config, data, 4)
    assert sorted(seen) == sorted(data.train.names)
    # Who reads nothing can say nothing of the labels.
    said = f"{len(seen)} labels cannot be checked: only 0% of them are read as labeled"
    assert str(check) == said
    with pytest.raises(UserError, match="check_labels = 100: there are only"):
        cross_check(config, data, 100)


@pytest.mark.parametrize(
    ("steps", "start", "wanted"), [(900, "shipped", 200), (900, "none", 900), (50, "shipped", 50)]
)
def test_from_scratch_a_recognizer_trains_as_long_as_the_run(
    steps: int, start: str, wanted: int
) -> None:
    config = FinetuneConfig.read(Given(flags={"steps": str(steps), "init_from": start}))
    assert check_steps(config) == wanted
