"""What is measured, in which order, and how long each step may take."""

from __future__ import annotations

import os
import signal
import subprocess
from importlib import import_module
from pathlib import Path

from benchmarks.gpu.record import Record
from benchmarks.gpu.sizes import Sizes

STEPS = {
    "throughput": 40,
    "kernels": 20,
    "epoch": 55,
    "compiled": 55,
    "lightly_step": 35,
    "correctness": 45,
    "side_by_side": 45,
}
"""Module → the seconds after which it is ended, by worth; less than five minutes in all."""
CASE = {"gain": 530}
"""The same for --case: less than nine minutes."""


def measure(step: str, sizes: Sizes, record: Record, scratch: Path) -> None:
    """Complete the record of a step, in this process."""
    record.complete(import_module(f"benchmarks.gpu.{step}").parts(sizes, scratch))


def run_limited(command: list[str], seconds: float, log: Path) -> str | None:
    """Run a command with its children within a time limit; returns what went wrong, or None."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"not done within {seconds:g} s"
        finally:
            _end(process)
    if code == 0:
        return None
    said = log.read_text(encoding="utf-8", errors="replace").splitlines() or ["nothing"]
    return f"ended with {code}: {said[-1]}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it still runs, and all that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
