"""`captcha-ssl tune` as a program: its budget, its end, and one recipe for three commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="needs the extra tune")

from captcha_ssl.cli.main import run
from captcha_ssl.cli.tune import seconds
from captcha_ssl.errors import UserError

pytestmark = pytest.mark.slow

TINY = (
    "--methods",
    "simclr",
    "--only",
    "method,pretrain.core,finetune.lr",
    "--device",
    "cpu",
    "--pretrain-steps",
    "2",
    "--finetune-steps",
    "2",
    "--set",
    "rungs=1",
    "--set",
    "folds=1",
)


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "captcha_ssl", *map(str, arguments)]


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tune") / "pile"
    drawn = ("--count", "60", "--length", "2", "--charset", "ABC", "--channels", "1")
    assert run(["generate", str(folder), *drawn, "--format", "folder", "--quiet"]) == 0
    return folder


def test_a_search_and_the_three_commands_that_follow_it(pile: Path, tmp_path: Path) -> None:
    out = tmp_path / "tune"
    search = _command("tune", pile, "--out", out, "--trials", "2", "--jobs", "2", *TINY)
    done = subprocess.run(search, capture_output=True, text=True, env=_environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out / 'recipe.toml'}\n"
    assert "48 images to learn from, 48 labels to score recipes; 12 test images" in done.stderr
    assert "[0] scratch with defaults, rung 1 of 1: CER" in done.stderr
    assert "[1] simclr with defaults, rung 1 of 1: CER" in done.stderr
    recipe, runs = ("--config", str(out / "recipe.toml")), tmp_path
    encoder, small = runs / "encoder", ("--quiet", "--set", "batch_size=8", "--device", "cpu")
    assert run(["pretrain", str(pile), *recipe, "--out", str(encoder), "--steps", "2", *small]) == 0
    start = ("--init-from", str(encoder), "--out", str(runs / "reader"))
    assert run(["finetune", str(pile), *recipe, *start, *small]) == 0
    benchmark = ("--set", "pretrain_batch_size=8", "--seeds", "1", "--set", "processes=1")
    arms = ("--set", "device=cpu", "--quiet", "--out", str(runs / "benchmark"))
    assert run(["benchmark", str(pile), *recipe, *benchmark, *arms]) == 0


def test_the_end_of_the_budget_and_a_signal_stop_a_search_that_resume_continues(
    pile: Path, tmp_path: Path
) -> None:
    """Trials that would take hours are ended, and what there is by then is written."""
    out = tmp_path / "tune"
    long = (*TINY, "--set", "rungs=1", "--pretrain-steps", "1000000", "--jobs", "1")
    search = _command("tune", pile, "--out", out, *long)
    state = out / "trials" / "1-0" / "state" / "state.safetensors"
    # On a busy machine the first budget may end before the pretraining starts.
    said, budgets = "", iter((12, 24, 48, 96, 192))
    while not state.is_file():
        given = ("--budget", f"{next(budgets)}s", *["--resume"] * out.exists())
        done = subprocess.run([*search, *given], capture_output=True, text=True, env=_environment())
        said += done.stderr
    assert done.returncode == 0, said
    assert (out / "report.html").is_file()
    assert "[0] scratch with defaults" in said
    assert "[1] simclr" not in said
    # The state of its pretraining is saved, and the pretraining continues from there.
    again = subprocess.Popen(
        [*search, "--budget", "10m", "--resume"],
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    log = out / "trials" / "1-0" / "log.txt"
    until = time.monotonic() + 120
    while log.read_text().count("training from step") < 2 and time.monotonic() < until:
        time.sleep(0.1)
    again.send_signal(signal.SIGINT)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 130
    assert said.splitlines()[-1].endswith(f"stopped; continue with --out {out} --resume")
    assert "training from step 0" not in log.read_text().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--budget", "soon"), "--budget soon: not a time; write 90s, 30m or 1h30m"),
        ((), "missing option --out"),
        (("--only", "crop"), "only: 'crop' is no dimension"),
        (("--methods", "simclr,none"), "methods: 'none' is not known"),
    ],
)
def test_a_wrong_option_is_one_line(
    pile: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", str(pile), *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err and told.err.count("\n") == 1


def test_a_pile_without_labels_asks_for_fifty(
    pile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", str(pile / "images"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert "has no labels" in told.err and "label 50 images" in told.err
    assert told.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "meant"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2H", 7200), ("1m5s", 65)]
)
def test_times_are_read_in_seconds(text: str, meant: float) -> None:
    assert seconds(text) == meant


@pytest.mark.parametrize("text", ["", "0m", "5", "m", "1.5h", "-3m", "3 m"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a time"):
        seconds(text)
