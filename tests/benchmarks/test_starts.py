"""The table of starts, at a size that shows only that it runs and resumes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.starts import Cell, Kept, Sizes, main, report, starts

pytestmark = pytest.mark.slow


def test_every_start_is_measured_once_and_what_is_finished_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--out", str(tmp_path), "--sets", "jpeg", "--report", str(tmp_path / "table.md")]
    asked += ["--pool", "60", "--test", "8", "--labels", "6", "--steps", "2"]
    asked += ["--pretrain-steps", "2"]
    main([*asked, "--seeds", "1"])
    first = (tmp_path / "cells.jsonl").read_text(encoding="utf-8")
    main([*asked, "--seeds", "2"])
    whole = (tmp_path / "cells.jsonl").read_text(encoding="utf-8")
    assert whole.startswith(first)
    cells = [(row["start"], row["seed"]) for row in map(json.loads, whole.splitlines())]
    assert cells == [(start, seed) for seed in (1, 2) for start in starts("simclr")]
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.endswith(table)
    row = next(line for line in table.splitlines() if line.startswith("| jpeg | "))
    assert row.count("|") == table.splitlines()[2].count("|")
    # Two steps leave no plateau.
    assert " of 10 (none 2" in row and row.endswith(" | shipped |")
    assert "6 labels are too few" in table
    with pytest.raises(SystemExit):
        main([*asked[:2], "--sets", "nowhere"])
    assert "no such set: nowhere; known: outlined" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*asked[:4], "--only", "shipped,sipmclr"])
    assert "no such start: sipmclr; known: none, shipped, simclr" in capsys.readouterr().err
    only = [*asked, "--seeds", "1", "--out", str(tmp_path / "only"), "--only", "shipped"]
    main(only)
    (cell,) = (tmp_path / "only" / "cells.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(cell)["start"] == "shipped"


def test_the_sets_are_counted_together_each_once(tmp_path: Path) -> None:
    kept = Kept(tmp_path, Sizes())
    gains = {"onebit": (0.02, 0.04), "plate": (0.01,)}
    for name, of_seeds in gains.items():
        for seed, gain in enumerate(of_seeds, 1):
            for start, exact in (("shipped", 0.9), ("simclr-from-shipped", 0.9 + gain)):
                kept.add(Cell(name, start, False, seed, exact, 0.1, seed == 1, False, 1.0))
    lines = report(kept, [*gains], kept.sizes).splitlines()
    # Two means, 3 and 1 points: the t-quantile of one degree of freedom is 12.7.
    assert lines[-1] == "| all sets, each once | – | – | +2.0 ± 12.7 | – |"
    assert "| 2 of 4 (shipped 1, simclr-from-shipped 1) |" in next(
        line for line in lines if line.startswith("| onebit")
    )


def test_self_training_is_compared_with_the_same_start_without_it(tmp_path: Path) -> None:
    kept = Kept(tmp_path, Sizes())
    for seed, exact in ((1, 0.9), (2, 0.92)):
        kept.add(Cell("onebit", "shipped", False, seed, exact, 0.1, True, False, 1.0))
        kept.add(Cell("onebit", "shipped", True, seed, exact + 0.03, 0.1, True, False, 1.0))
    *_, names, _, row = report(kept, ["onebit"], kept.sizes).splitlines()
    gains = dict(zip(names.split(" | "), row.split(" | "), strict=True))
    assert gains["shipped, self-training − shipped"] == "+3.0 ± 0.0"
    assert gains["simclr-from-shipped, self-training − shipped"] == "–"
