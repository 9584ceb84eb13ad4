from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.warm.program import run_warm, warm_program

pytestmark = pytest.mark.slow

TINY = (
    "--label-counts",
    "8",
    "--seeds",
    "2",
    "--set",
    "unlabeled=80",
    "--set",
    "test=12",
    "--set",
    "length=2",
    "--set",
    "charset=ABC",
    "--set",
    "pretrain_steps=3",
    "--set",
    "pretrain_batch_size=8",
    "--set",
    "finetune_steps=3",
    "--set",
    "finetune_batch_size=4",
    "--device",
    "cpu",
)


def benchmark(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*warm_program(), "benchmark", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def error(result: subprocess.CompletedProcess[str]) -> str:
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.removeprefix("captcha-ssl: error: ").strip()


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("benchmark") / "out"
    return out, benchmark("--out", out, *TINY)


def test_without_data_a_set_is_rendered_and_everything_written(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
):
    out, result = finished
    assert result.returncode == 0, result.stderr
    for name in (
        "benchmark.json",
        "report.md",
        "report.html",
        "accuracy-labels.png",
        "config.toml",
    ):
        assert (out / name).is_file()
    stored = json.loads((out / "benchmark.json").read_text())
    assert {row["arm"] for row in stored["rows"]} == {"scratch", "simclr"}
    assert stored["data"]["pool"] + stored["data"]["copies_removed"] == 80
    assert stored["command"].startswith("captcha-ssl benchmark --out ")


def test_the_table_is_all_of_stdout_and_each_run_a_line_of_stderr(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
):
    _, result = finished
    head, *rows = result.stdout.splitlines()
    assert head.split()[:2] == ["labels", "arm"]
    assert [row.split()[:2] for row in rows] == [["8", "scratch"], ["8", "simclr"]]
    lines = [line for line in result.stderr.splitlines() if line.startswith("[")]
    assert len(lines) == 2 * (2 + 2)
    assert lines[-1].startswith("[8/8] simclr, 8 labels, seed 2: ")


def test_resume_of_a_finished_benchmark_prints_the_same_and_quiet_is_quiet(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
):
    out, first = finished
    again = benchmark("--out", out, *TINY, "--resume", "--quiet")
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, "")
    command = json.loads((out / "benchmark.json").read_text())["command"]
    assert "--resume" not in command


def test_a_kept_model_predicts(finished: tuple[Path, subprocess.CompletedProcess[str]]):
    out, _ = finished
    result = run_warm("evaluate", out / "models" / "simclr", out / "data")
    assert result.returncode == 0, result.stderr


def test_print_config_shows_the_preset_and_the_method_and_needs_no_folder():
    result = benchmark("--preset", "paper", "--print-config", "--seeds", "7")
    assert (result.returncode, result.stderr) == (0, "")
    shown = tomllib.loads(result.stdout)
    assert (shown["seeds"], shown["finetune_steps"], shown["style"]) == (7, 4000, "classic")
    assert "temperature" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "missing option --out"),
        (("--out", "x", "--preset", "quik"), "did you mean 'quick'"),
        (("--out", "x", "--methods", "simcrl"), "did you mean 'simclr'"),
        (("--out", "x", "--label-counts", "many"), "expected a whole number"),
        (("gone", "--out", "x"), "gone"),
        (("--out", "x", "--set", "length=0"), "length = '0'"),
        (("--out", "x", "--label-counts", "50000"), "lower --label-counts"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing_behind(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    assert message in error(benchmark(*arguments))
    assert list(tmp_path.iterdir()) == []
