"""Names of files that are not UTF-8 go through unchanged; labels must be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.cli.main import run
from tests.warm.program import warm_program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name"),
]

ROOT = Path(__file__).parents[2]
CAFE, SHOWN = b"caf\xe9", rb"caf\udce9"
FEW = ["--steps", "1", "--batch-size", "2", "--device", "cpu", "--quiet"]


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    """Four images of labels A to D; their names and that of their folder are not UTF-8."""
    folder = tmp_path / os.fsdecode(b"p\xefle")
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index, text in enumerate("ABCD"):
        name = os.fsdecode(text.encode() + b"_" + CAFE + str(index).encode() + b".png")
        Image.fromarray(rng.integers(0, 256, (32, 64), np.uint8)).save(folder / name)
    return folder


def program(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*warm_program(), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, env=environment, check=False)


def test_the_files_of_an_evaluation_keep_the_names(
    pile: Path, reader_file: Path, tmp_path: Path
) -> None:
    (pile / os.fsdecode(b"E_" + CAFE + b".png")).write_bytes(b"no image")
    command = ["evaluate", str(reader_file), str(pile), "--out", str(tmp_path / "scores"), "-q"]
    command += ["--max-bad", "0.5"]
    labels = "".join(file.name[0] for file in pile.iterdir())
    assert "E" in labels
    assert run(command) in (0, 1)
    table = (tmp_path / "scores" / "predictions.csv").read_bytes()
    for index in range(4):
        assert CAFE + str(index).encode() in table
    assert SHOWN in (tmp_path / "scores" / "rejected.csv").read_bytes()


def test_a_list_of_rejected_rows_shows_the_bytes(pile: Path, tmp_path: Path) -> None:
    (pile / os.fsdecode(b"E_" + CAFE + b".png")).write_bytes(b"no image")
    assert run(["check-data", str(pile), "-q", "--rejected", str(tmp_path / "r.csv")]) in (0, 1)
    assert SHOWN in (tmp_path / "r.csv").read_bytes()


def test_a_label_that_is_not_utf8_is_refused_before_anything_is_trained(
    pile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = os.fsdecode(b"X\xe9_1.png")
    (pile / "A_1.png").write_bytes(next(pile.iterdir()).read_bytes())
    (pile / bad).write_bytes(next(pile.iterdir()).read_bytes())
    command = ["finetune", str(pile), "--init-from", "none", "--out", str(tmp_path / "run"), *FEW]
    assert run(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "not UTF-8" in line and r"X\udce9_1.png" in line
    assert not (tmp_path / "run").exists()
    assert run([*command, "--set", "max_bad=0.5"]) == 0, "tolerated, it is left out"
    assert rb"X\udce9_1.png" in (tmp_path / "run" / "rejected.csv").read_bytes()
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_a_run_in_folders_of_such_names_is_resumed(pile: Path, tmp_path: Path) -> None:
    start, out = (tmp_path / os.fsdecode(name) for name in (b"st\xe4rt", b"r\xfcn"))
    assert run(["pretrain", str(pile), "--out", str(start), *FEW]) == 0
    command = ["finetune", str(pile), "--out", str(out), "--init-from", str(start), *FEW]
    command += ["--unlabeled", str(pile)]
    assert run(command) == 0
    before = (out / "model.safetensors").read_bytes()
    assert b"st\xe4rt" in (out / "config.toml").read_bytes()
    assert run([*command, "--resume"]) == 0
    assert (out / "model.safetensors").read_bytes() == before


def test_suggested_names_can_be_excluded(pile: Path, tmp_path: Path, reader_file: Path) -> None:
    command = ["suggest", pile.name, "--init-from", str(reader_file), "--count", "2", "-q"]
    first = program(*command, cwd=tmp_path)
    named = first.stdout.splitlines()
    assert first.returncode == 0, first.stderr
    assert len(named) == 2 and all(CAFE in name for name in named)
    assert all((pile / os.fsdecode(name)).is_file() for name in named)
    (tmp_path / "named.txt").write_bytes(first.stdout)
    rest = program(*command, "--exclude", "named.txt", cwd=tmp_path)
    assert rest.returncode == 0, rest.stderr
    assert len({*named, *rest.stdout.splitlines()}) == 4
