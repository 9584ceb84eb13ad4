"""What a benchmark shows while it runs, on a terminal and elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from captcha_ssl.benchmark.runs.records import Row
from captcha_ssl.cli.live_table import Board
from tests.warm.program import warm_program

TINY = (
    "--seeds",
    "2",
    "--label-counts",
    "8",
    "--arms",
    "scratch",
    "--device",
    "cpu",
    "--set",
    "unlabeled=60",
    "--set",
    "test=12",
    "--set",
    "finetune_steps=2",
    "--set",
    "lr_grid=0.001",
    "--set",
    "head_lr_grid=0.003",
    "--set",
    "processes=1",
)


def row(arm: str, labels: int, seed: int, exact_match: float) -> Row:
    return Row(
        arm=arm,
        labels=labels,
        seed=seed,
        exact_match=exact_match,
        cer=0.1,
        converged=True,
        seconds=1.0,
        lr=1e-3,
        final_loss=0.1,
        steps=600,
        pretrain_seed=None,
    )


def drawn(board: Board, width: int = 100) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(board.draw())
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_runs_are_gathered_by_arm_and_label_count() -> None:
    board = Board()
    for seed, found in enumerate((0.5, 0.6), start=1):
        board.show(row("scratch", 100, seed, found))
    board.show(row("simclr", 500, 1, 0.875))
    lines = drawn(board)
    words = [line.split() for line in lines if line.startswith((" scratch", " simclr"))]
    # t of one degree of freedom is 12.7: 12.7 · 7.1 points / √2.
    assert words == [
        ["scratch", "55.0%", "±", "63.5", "(2)", "–"],
        ["simclr", "–", "87.5%", "(1)"],
    ]
    assert any("100 labels" in line and "500 labels" in line for line in lines)


def test_the_last_messages_stay_and_long_ones_are_cut() -> None:
    board = Board()
    for number in range(9):
        board.say(f"{number} " + "x" * 200)
    lines = drawn(board, width=40)
    assert [line[0] for line in lines] == list("345678")
    assert all(len(line) <= 40 for line in lines)


@pytest.mark.slow
def test_on_a_terminal_the_table_is_on_stderr_and_the_result_alone_on_stdout(
    tmp_path: Path,
) -> None:
    screen, theirs = pty.openpty()
    command = [*warm_program(), "benchmark", "--out", str(tmp_path / "b")]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(
        [*command, *TINY], stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(screen, 1 << 16)
        except OSError:
            break
        if not part:
            break
        shown += part
    stdout, _ = process.communicate()
    assert process.returncode == 0, shown.decode()
    assert "8 labels" in shown.decode() and "(2)" in shown.decode()
    assert stdout.split()[:3] == ["labels", "arm", "exact"]
    assert "\x1b" not in stdout
