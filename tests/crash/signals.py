"""Send signals at random moments, and see that each ends the program with one line and 130.

    python -m tests.crash.signals [--count 300] [--seed 0] [--jobs 1] [--only COMMAND]

A signal is SIGINT, SIGTERM or SIGHUP, sent once or several times, to the process alone or to all
of its group, from the moment on at which the program has taken its signals over. The process and
its workers must be gone within ten seconds. Prints totals; exits with 1 when one ended otherwise.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count as numbers
from pathlib import Path
from random import Random

from tests.crash.scenarios import write_pile

PROGRAM = (sys.executable, "-m", "captcha_ssl")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WITHIN = 10.0
"""Seconds in which all of it must be gone."""


@dataclass(frozen=True)
class Long:
    """A command that takes longer than the latest signal, in seconds after its beginning."""

    arguments: tuple[str, ...]
    latest: float


COMMANDS = {
    "pretrain": Long(
        ("pretrain", "{pile}", "--out", "{out}", "--steps", "1000000", "--batch-size", "4")
        + ("--set", "checkpoint_every=20", "--quiet"),
        latest=6.0,
    ),
    "predict": Long(("predict", *["{images}"] * 500, "--quiet"), latest=2.0),
    "benchmark": Long(
        ("benchmark", "{pile}", "--out", "{out}", "--quiet", "--methods", "simclr,rotation")
        + tuple(
            part
            for setting in (
                "test=10",
                "label_counts=4",
                "seeds=3",
                "pretrain_steps=150",
                "processes=2",
                "pretrain_batch_size=4",
                "finetune_steps=1000000",
                "finetune_batch_size=4",
                "lr_grid=1e-3",
                "head_lr_grid=1e-3",
                "arms=scratch,pretrained",
            )
            for part in ("--set", setting)
        ),
        latest=15.0,
    ),
    "generate": Long(("generate", "{out}", "--count", "100000000", "--workers", "2", "-q"), 3.0),
    "check-data": Long(("check-data", "{many}", "--quiet"), latest=2.0),
}
ASKED = ("pretrain", "predict", "benchmark")
"""What is tried unless a command is named."""


@dataclass(frozen=True)
class Shot:
    """One try: what was sent when, and what came of it ('' where all is well)."""

    command: str
    sent: str
    problem: str
    seconds: float


def shoot(command: str, folder: Path, rng: Random) -> Shot | None:
    """Start a command, send it a signal at a random moment; None when it had ended before."""
    long, out = COMMANDS[command], folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    places = {"pile": folder.parent / "pile", "out": out}
    places |= {"images": folder.parent / "images", "many": folder.parent / "many"}
    number, times = rng.choice(SIGNALS), rng.choice((1, 1, 2, 3, 20))
    delay, group = rng.uniform(0, long.latest), rng.random() < 0.4
    said = folder / "stderr"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [*PROGRAM, *(part.format(**places) for part in long.arguments)],
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": stderr},
            start_new_session=True,
            # What a shell runs in the background is told to ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        if not _has_begun(process) or _ends_within(process, delay):
            return None
        begun = time.monotonic()
        for _ in range(times):
            (os.killpg if group else os.kill)(process.pid, number)
            time.sleep(rng.choice((0.0, 0.01, 0.3)))
        ended = _ends_within(process, begun + WITHIN - time.monotonic())
        while ended and _left(process.pid) and time.monotonic() < begun + WITHIN:
            time.sleep(0.02)
        seconds, left = time.monotonic() - begun, _left(process.pid)
    finally:
        for one in _left(process.pid):
            os.kill(one, signal.SIGKILL)
        process.wait()
    problem = _problem(process.returncode, ended, left, said.read_bytes(), folder)
    where = "its group" if group else "the process"
    return Shot(command, f"{times} × {number.name} to {where} at {delay:.2f} s", problem, seconds)


def _problem(code: int, ended: bool, left: list[int], said: bytes, folder: Path) -> str:
    lines = said.count(b"\n")
    remains = [file.name for file in folder.rglob("*.partial")]
    if not ended:
        return f"not ended after {WITHIN:.0f} s"
    if code != 130:
        return f"exit code {code}: {said[-500:]!r}"
    if left:
        return f"{len(left)} processes left"
    if lines != 1 or not said.startswith(b"captcha-ssl: error: "):
        return f"{lines} lines: {said[-500:]!r}"
    return f"left behind {remains}" if remains else ""


def _has_begun(process: subprocess.Popen[bytes]) -> bool:
    """Wait until the program has taken over SIGTERM, as the kernel says."""
    status, mark = Path(f"/proc/{process.pid}/status"), 1 << (signal.SIGTERM - 1)
    while process.poll() is None:
        caught = next(t for t in status.read_text().splitlines() if t.startswith("SigCgt"))
        if int(caught.split()[1], 16) & mark:
            return True
        time.sleep(0.0005)
    return False


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def _left(group: int) -> list[int]:
    """Processes of a group that are not only waiting to be reaped."""
    return [pid for pid, own, state in _processes() if own == group and state != "Z"]


def _processes() -> Iterator[tuple[int, int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            yield int(folder.name), int(fields[2]), fields[0]


def main() -> int:
    """Send as many signals as asked for and print the totals."""
    parser = argparse.ArgumentParser("python -m tests.crash.signals")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", choices=COMMANDS)
    asked = parser.parse_args()
    commands = [asked.only] if asked.only else list(ASKED)
    root = Path(tempfile.mkdtemp(prefix="signals-"))
    write_pile(root / "pile", "packed", 60)
    write_pile(root / "many", "folder", 20_000 if "check-data" in commands else 60)
    write_pile(root / "set", "folder", 60)
    (root / "set" / "images").rename(root / "images")
    counter = numbers()

    def one(index: int) -> Shot:
        folder = root / f"{index}"
        folder.mkdir()
        while True:
            rng = Random(f"{asked.seed} {next(counter)}")
            shot = shoot(commands[index % len(commands)], folder, rng)
            if shot is not None:
                if not shot.problem:
                    shutil.rmtree(folder)
                return shot

    with ThreadPoolExecutor(asked.jobs) as pool:
        shots = list(pool.map(one, range(asked.count)))
    bad = [shot for shot in shots if shot.problem]
    for shot in bad:
        print(f"PROBLEM {shot.command}, {shot.sent}: {shot.problem}")
    for command, tried in Counter(shot.command for shot in shots).items():
        seconds = max(shot.seconds for shot in shots if shot.command == command)
        good = tried - sum(shot.command == command for shot in bad)
        print(f"{command:10} {good:4} of {tried:4} ended in 130 with one line, in {seconds:.1f} s")
    print(f"{'total':10} {len(shots) - len(bad):4} of {len(shots):4}, seed {asked.seed}")
    if not bad:
        shutil.rmtree(root)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
