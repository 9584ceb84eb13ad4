"""A method from outside the package; that it is pretrained, tests/docs/test_pages.py runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from captcha_ssl.methods.registry import METHODS, register

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_method.py"
FAST = ("--device", "cpu", "--quiet")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, EXAMPLE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "pile"
    done = run("generate", out, "--count", 60, "--style", "fast", "--channels", 1, "-q")
    assert done.returncode == 0, done.stderr
    return out


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 60


def test_a_benchmark_compares_it_in_worker_processes(pile: Path, tmp_path: Path) -> None:
    out = tmp_path / "benchmark"
    tiny = (
        "pretrain_steps=2",
        "mirror_width=24",
        "pretrain_batch_size=8",
        "finetune_steps=2",
        "test=10",
    )
    few = ("finetune_batch_size=8", "lr_grid=1e-3", "head_lr_grid=1e-3", "processes=2")
    sets = [part for text in (*tiny, *few) for part in ("--set", text)]
    arms = ("--methods", "mirror", "--arms", "pretrained", "--label-counts", 8, "--seeds", 1)
    done = run("benchmark", pile, "--out", out, *arms, *sets, *FAST)
    assert done.returncode == 0, done.stderr
    found = json.loads((out / "benchmark.json").read_text())
    assert [row["arm"] for row in found["rows"]] == ["mirror"]
    assert found["settings"]["mirror_width"] == 24


def test_the_program_without_it_does_not_know_it(pile: Path, tmp_path: Path) -> None:
    asked = ("pretrain", str(pile), "--out", str(tmp_path / "run"), "--method", "mirror")
    command = [sys.executable, "-m", "captcha_ssl", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "method 'mirror' is not known; choose from simclr" in done.stderr


@pytest.mark.parametrize("name", ["simclr", "a:b", "Own", "own_method", "own--method", ""])
def test_a_name_that_is_taken_or_cannot_be_written_in_a_list_is_refused(name: str) -> None:
    before = dict(METHODS)
    with pytest.raises(ValueError):
        register(name, "own:Own")
    assert before == METHODS
