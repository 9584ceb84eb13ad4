"""`captcha-ssl generate`, as a shell sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-m", "captcha_ssl", "generate"]


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def _files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_result_on_stdout_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "set"
    done = _run(out, "--count", 5, "--style", "fast", "--quiet")
    assert done.returncode == 0
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert str(out) in done.stdout
    assert set(_files(out)) == {"dataset.json", "images.npy", "labels.csv"}


@pytest.mark.parametrize("style", ["classic", "fast", "mixed"])
def test_workers_change_no_byte(tmp_path: Path, style: str) -> None:
    shared = ("--count", 150, "--style", style, "--height", 32, "--width", 96, "--channels", 1)
    for workers in (1, 2):
        done = _run(tmp_path / str(workers), *shared, "--workers", workers)
        assert done.returncode == 0, done.stderr
    assert _files(tmp_path / "1") == _files(tmp_path / "2")


def test_printed_configuration_makes_the_same_dataset(tmp_path: Path) -> None:
    options = ("--count", 4, "--style", "fast", "--length", "4-6", "--seed", 5, "--charset", "ABC")
    printed = _run(tmp_path / "none", *options, "--print-config")
    assert printed.returncode == 0
    assert not (tmp_path / "none").exists()
    config = tmp_path / "config.toml"
    config.write_text(printed.stdout)
    assert _run(tmp_path / "flags", *options).returncode == 0
    assert _run(tmp_path / "file", "--config", config).returncode == 0
    assert _files(tmp_path / "flags") == _files(tmp_path / "file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--count"),
        (("--count", 0), "count"),
        (("--count", 3, "--style", "fats"), "'fast'"),
        (("--count", 3, "--format", "zip"), "packed"),
        (("--count", 3, "--length", "6-4"), "4-6"),
        (("--count", 3, "--charset", "AA"), "more than once"),
        (("--count", 3, "--charset", "中"), "U+4E2D"),
        (("--count", 3, "--shard", "4/3"), "I/N"),
        (("--count", 3, "--channels", 2), "channels"),
        (("--count", 3, "--set", "heigth=40"), "'height'"),
        (("--cuont", 3), "--count"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    tmp_path: Path, arguments: tuple[object, ...], said: str
) -> None:
    failed = _run(tmp_path / "set", *arguments)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert failed.stderr.startswith("captcha-ssl: error: ")
    assert len(failed.stderr.splitlines()) == 1
    assert said in failed.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="needs a process group to interrupt")
def test_interruption_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    command = [*PROGRAM, str(tmp_path / "set"), "--count", "1000000", "--workers", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A suite that a shell runs in the background hands on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".set.*/images.npy")) and time.monotonic() < deadline:
            time.sleep(0.05)
        # A terminal sends Ctrl-C to the program and to its workers.
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert stdout == ""
    assert len(stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as a POSIX shell does")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, workers: int) -> None:
    arguments = f"set --count 500 --style fast --quiet --workers {workers}"
    limited = f"ulimit -f 4000; exec {' '.join(PROGRAM)} {arguments}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["bash", "-c", limited],
        **{"cwd": tmp_path, "env": environment, "capture_output": True, "text": True},
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "set: cannot be written" in done.stderr
    assert not list(tmp_path.iterdir())
