"""The notebook runs from its first cell to its last, at a tiny size."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


def program(notebook: Path) -> str:
    """The code cells as one Python program, in which `!command {name}` runs a command."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    shell = re.sub(r"^!(.*)$", r"_run(f'\1')", code, flags=re.MULTILINE)
    return (
        "import subprocess\n"
        "def _run(line): subprocess.run(line, shell=True, check=True, stdout=subprocess.DEVNULL)\n"
        f"{shell}"
    )


@pytest.mark.slow
def test_every_cell_of_the_notebook_runs(tmp_path: Path, of_these_sources: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program(NOTEBOOK)],
        cwd=tmp_path,
        env={**of_these_sources, "TINY": "1", "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"with-pile: \d+ of 20 .*\nlabels-alone: \d+ of 20 .*\n", done.stdout)
