"""InfoNCE in tiles beside the whole matrix: what `python -m benchmarks.infonce` measures."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.performance.ratio import Ratio


def measure(small: bool) -> list[Ratio]:
    """Forward and backward at 16,384 embeddings of width 128."""
    embeddings = 1_024 if small else 16_384
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "benchmarks.infonce", "--json", str(file)]
        command += ["--embeddings", str(embeddings)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = json.loads(file.read_text(encoding="utf-8"))
    what = f"InfoNCE of {embeddings:,} embeddings"
    return [
        Ratio(
            f"{what}, {figure}",
            found["tiles"][key],
            found["matrix"][key],
            unit,
            "the whole matrix",
            goal,
            False,
        )
        for figure, key, unit, goal in (
            ("time", "seconds", "s", 4.0),
            ("memory", "megabytes", "MB", 50.0),
        )
    ]
