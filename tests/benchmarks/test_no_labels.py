"""`python -m benchmarks.no_labels`: the table it prints, and that a second call has it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.no_labels import main


@pytest.mark.slow
def test_a_bed_is_read_before_and_after_learning_without_its_labels(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small = ["--sets", "jpeg", "--pool", "60", "--test", "15", "--steps", "2"]
    main(["--out", str(tmp_path), *small])
    row = capfd.readouterr().out.splitlines()[-1]
    name, sure, right, before, after = (cell.strip(" %") for cell in row.strip("|").split("|"))
    assert name == "jpeg"
    assert float(sure) > 50 and float(right) > 90
    assert float(before) > 60 and float(after) > 60
    main(["--out", str(tmp_path), *small])
    assert capfd.readouterr().out.splitlines()[-1] == row
