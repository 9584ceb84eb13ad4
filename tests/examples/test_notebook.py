"""The notebook runs from its first cell to its last, at a tiny size."""

from __future__ import annotations

import json
import os
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
def test_every_cell_of_the_notebook_runs(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "captcha-ssl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m captcha_ssl "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", program(NOTEBOOK)],
        cwd=tmp_path,
        env={
            **os.environ,
            "TINY": "1",
            "MPLBACKEND": "agg",
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(NOTEBOOK.parents[1]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"with-pile: \d+ of 20 .*\nlabels-alone: \d+ of 20 .*\n", done.stdout)
