"""Starts the program from a process in which the slow modules are imported already.

Most tests of the command line are about what a command does, and not about how it starts. They
start it here: a server imports the modules once and forks for each command, which then runs in a
process of its own, with its own arguments, folder, environment, standard streams, signals and exit
code. Tests of how the program starts run `python -m captcha_ssl` instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def warm_program() -> list[str]:
    """The beginning of a command line of `captcha-ssl`; its server ends with this process."""
    cold = [sys.executable, "-m", "captcha_ssl"]
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return cold
    address = Path(tempfile.mkdtemp(prefix="warm-")) / "server"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm.server", str(address)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    if server.stdout.readline() != b"ready\n":
        raise RuntimeError("the server of the program did not start")
    # Without the modules of site-packages, which it does not need.
    return [sys.executable, "-S", "-E", str(Path(__file__).parent / "client.py"), str(address)]


def run_warm(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The outcome of `captcha-ssl` with these arguments, in the folder `cwd` or the current one."""
    command = [*warm_program(), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
