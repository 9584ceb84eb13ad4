"""Signals and places that cannot be written to: one line, and what was there is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.writers import open_writer

pytestmark = pytest.mark.slow

PROGRAM = (sys.executable, "-m", "captcha_ssl")
LONG = ("--steps", "100000", "--batch-size", "4", "--set", "checkpoint_every=5", "--quiet")


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pile") / "pile"
    rng = np.random.default_rng(0)
    with open_writer(out, "packed", count=60, channels=1, height=32, width=40, about={}) as writer:
        for index in range(60):
            label = "".join(rng.choice(list("ABC"), 2))
            writer.add(index, rng.integers(0, 256, (1, 32, 40), np.uint8), label)
    return out


@pytest.mark.skipif(os.name != "posix", reason="sends signals as POSIX has them")
@pytest.mark.parametrize(
    ("arguments", "number", "kept"),
    [
        (["pretrain", "--init-from", "none", *LONG], signal.SIGINT, "state/state.safetensors"),
        (["finetune", "--init-from", "none", *LONG], signal.SIGTERM, "state/state.safetensors"),
        (
            [
                "benchmark",
                "--quiet",
                "--arms",
                "scratch,pretrained",
                "--set",
                "test=10",
                "--set",
                "label_counts=4",
            ]
            + ["--set", "pretrain_steps=100000", "--set", "pretrain_batch_size=4"],
            signal.SIGTERM,
            "pretrained/simclr/config.toml",
        ),
    ],
    ids=["pretrain", "finetune", "benchmark"],
)
def test_a_signal_saves_the_state_is_one_line_and_130(
    pile: Path, tmp_path: Path, arguments: list[str], number: signal.Signals, kept: str
) -> None:
    command, *options = arguments
    process = subprocess.Popen(
        [*PROGRAM, command, str(pile), "--out", str(tmp_path / "run"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / kept).exists() and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    assert stdout == ""
    (line,) = stderr.splitlines()
    assert line.startswith("captcha-ssl: error: ") and "--resume" in line
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system none may write to")
@pytest.mark.parametrize("command", ["pretrain", "finetune", "benchmark", "generate"])
def test_a_folder_without_write_permission_is_one_line(pile: Path, command: str) -> None:
    place = ["/proc/self/run"] if command == "generate" else [str(pile), "--out", "/proc/self/run"]
    more = ["--count", "3"] if command == "generate" else []
    few = ["--batch-size", "4"] if command in ("pretrain", "finetune") else []
    many = ["--set", "test=10", "--set", "label_counts=4"] if command == "benchmark" else []
    failed = subprocess.run(
        [*PROGRAM, command, *place, *more, *few, *many, "--quiet"], capture_output=True, text=True
    )
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert len(failed.stderr.splitlines()) == 1, failed.stderr
    assert "/proc/self/run" in failed.stderr
