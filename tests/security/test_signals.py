"""A short run of the script that sends signals at random moments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at processes in /proc")
def test_signals_at_random_moments_end_the_program_in_one_line() -> None:
    command = [sys.executable, "-m", "tests.crash.signals", "--count", "6", "--seed", "2"]
    done = subprocess.run(
        command,
        **{"cwd": ROOT, "capture_output": True, "text": True},
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
