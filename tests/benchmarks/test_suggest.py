"""The curve of suggested against random labels, at a size that shows nothing but that it runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.suggest import main
from captcha_ssl.data.writers import open_writer

pytestmark = pytest.mark.slow


def test_every_selection_is_measured_at_every_count_for_every_seed(
    tmp_path: Path, reader_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    size = {"channels": 1, "height": 32, "width": 64}
    with open_writer(tmp_path / "set", "packed", count=30, about={}, **size) as writer:
        for index in range(30):
            writer.add(index, rng.integers(0, 256, (1, 32, 64), np.uint8), "ABCD"[index % 4])
    main(
        [
            str(tmp_path / "set"),
            "--init-from",
            str(reader_file),
            "--out",
            str(tmp_path),
            "--label-counts",
            "4,2",
            "--seeds",
            "2",
            "--steps",
            "2",
            "--test",
            "5",
            "--device",
            "cpu",
        ]
    )
    rows = json.loads((tmp_path / "suggest.json").read_text())
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows
    assert {(row["way"], row["labels"], row["seed"]) for row in rows} == {
        (way, labels, seed)
        for way in ("random", "suggest", "two-rounds")
        for labels in (2, 4)
        for seed in (1, 2)
    }
    with Image.open(tmp_path / "suggest.png") as picture:
        assert picture.format == "PNG"
