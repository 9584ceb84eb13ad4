"""The measurements of speed, in small: they run, and say of each row what it stands beside."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.performance.__main__ import MEASUREMENTS
from benchmarks.performance.ratio import Ratio, rates
from benchmarks.performance.table import table

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_every_measurement_gives_a_row_and_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    command = [sys.executable, "-m", "benchmarks.performance", "--small", "--write", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout in file.read_text()
    stored = json.loads(file.with_suffix(".json").read_text())
    assert list(stored["ratios"]) == list(MEASUREMENTS)
    rows = [Ratio(**row) for found in stored["ratios"].values() for row in found]
    assert len(done.stdout.splitlines()) == 2 + len(rows)
    for row in rows:
        assert 0 < row.times < math.inf
        assert row.what in done.stdout
        assert row.beside in done.stdout


def test_times_is_how_much_better_whatever_is_counted() -> None:
    assert Ratio("rate", 30, 10, "images/s", "peer").times == 3
    assert Ratio("time", 2, 10, "s", "peer", more_is_better=False).times == 5


def test_a_row_of_the_table_shows_both_figures_and_the_goal() -> None:
    *_, row = table([Ratio("render", 12_345.6, 500, "images/s", "peer", goal=15)]).splitlines()
    assert row == "| render | 12,346 | 500 | images/s | peer | 24.7 | ≥ 15 |"


def test_rates_are_those_of_the_best_round(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    durations = iter([9, 9, 4, 2, 5, 1])

    def work(count: int) -> None:
        clock[0] += next(durations)

    assert rates(work, work, (40, 10), rounds=2) == (10, 10)
