"""The comparison of readers: which sets it reads, and that seen sets have a separate table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import predict
from captcha_ssl.synthesis.beds import BEDS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two labeled sets and a file that is none."""
    for place, texts in (("b_set", ("12", "34")), ("a_set", ("5",))):
        (tmp_path / place).mkdir()
        for text in texts:
            Image.fromarray(np.zeros((20, 40), np.uint8)).save(tmp_path / place / f"{text}.png")
        rows = "".join(f"{text}.png,{text}\n" for text in texts)
        (tmp_path / place / "labels.csv").write_text("filename,label\n" + rows)
    (tmp_path / "README.md").touch()
    return tmp_path


def test_every_folder_below_is_a_set(folder: Path) -> None:
    sets = predict.real_sets(folder, 10)
    assert list(sets) == ["a_set", "b_set"]
    assert sorted(text for _, text in sets["b_set"]) == ["12", "34"]
    assert predict.real_sets(None, 10) == {}


def test_every_test_bed_is_drawn(tmp_path: Path) -> None:
    drawn = predict.draw_beds(tmp_path, 2)
    assert list(drawn) == list(BEDS)
    assert all(Path(path).is_file() for labeled in drawn.values() for path, _ in labeled)
    assert len({text for path, text in drawn["jpeg"]}) == 2


def test_each_group_has_its_own_table() -> None:
    shares = {"one": 0.5, "other": 1.0}
    rows = [{"reader": "captcha-ssl", "accuracy": shares, "exact": {"one": 0.25, "other": 0.75}}]
    lines = list(predict.accuracy_table(rows, predict.UNSEEN, ["other"]))
    assert lines[0] == "| unseen: case ignored (kept) | other |"
    assert lines[2] == "| captcha-ssl | 100.0% (75.0%) |"
