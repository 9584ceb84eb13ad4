"""A short run of the crash harness, and that it would notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.scenarios import every_file, untimed

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_killed_and_resumed_runs_equal_uninterrupted_ones() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.crash",
        "--kills",
        "8",
        "--changes",
        "2",
        "--seed",
        "3",
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 not" in result.stdout


def test_the_harness_compares_all_but_times(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"seconds": 1.5, "exact_match": 0.5}')
    (tmp_path / "log.txt").write_text("2026")
    assert list(every_file(tmp_path)) == ["a.json"]
    assert untimed(tmp_path) == {"a.json": {"exact_match": 0.5}}
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    assert untimed(tmp_path) == {"a.json": {"exact_match": 0.5}, "metrics.jsonl": b"{}\n"}
