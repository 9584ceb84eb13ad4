"""Running `captcha-ssl` as a user does."""

from __future__ import annotations

import subprocess
import sys
import time


def captcha_ssl(*arguments: object) -> float:
    """Run a command and return its seconds.

    Raises RuntimeError with the last line of its output.
    """
    begun = time.perf_counter()
    command = [sys.executable, "-m", "captcha_ssl", *map(str, arguments)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise RuntimeError(f"captcha-ssl {arguments[0]} ended with {done.returncode}: {said[-1]}")
    return time.perf_counter() - begun
