"""Runs the steps one after the other, each in its own process, and prints the table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from benchmarks.gpu.record import Record, Row
from benchmarks.gpu.sizes import FULL, SMALL
from benchmarks.gpu.steps import CASE, STEPS, measure, run_limited

HEADER = ("what", "figure", "value", "unit")


def main() -> int:
    """Run the given step, or all of them. Returns 1 if something is missing."""
    arguments = _arguments()
    if arguments.step:
        record = Record.open(Path(arguments.file))
        sizes = SMALL if arguments.small else FULL
        measure(arguments.step, sizes, record, Path(arguments.scratch))
        return 0
    out = Path(arguments.out or tempfile.mkdtemp(prefix="captcha-ssl-gpu-"))
    out.mkdir(parents=True, exist_ok=True)
    steps = CASE if arguments.case else STEPS
    with _scratch(out, kept=arguments.case) as scratch:
        records = [take(step, out, Path(scratch), small=arguments.small) for step in steps]
    print(f"JSON and log: {out}", file=sys.stderr, flush=True)
    print(table([row for record in records for row in record.rows()]))
    return 0 if all(record.finished for record in records) else 1


def _scratch(out: Path, *, kept: bool) -> AbstractContextManager[str]:
    """The folder for what a step makes: `out` itself, or a temporary one."""
    if kept:
        return nullcontext(str(out))
    return tempfile.TemporaryDirectory(prefix="captcha-ssl-scratch-")


def take(step: str, out: Path, scratch: Path, *, small: bool) -> Record:
    """The record of a step, which runs now unless it is finished."""
    file = out / f"{step}{'-small' * small}.json"
    if Record.open(file).finished:
        print(f"{step}: was done before", file=sys.stderr)
        return Record.open(file)
    begun = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.gpu", "--step", step]
    command += ["--file", str(file), "--scratch", str(scratch), *["--small"] * small]
    # A busy CPU takes longer.
    limit = {**STEPS, **CASE}[step] * (6 if small else 1)
    why = run_limited(command, limit, out / "log.txt")
    record = Record.open(file)
    if why:
        record.failed[step] = why
        record.write()
    said = "done" if record.finished else "; ".join(record.failed.values())
    print(f"{step}: {said} ({time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)
    return record


def table(rows: list[Row]) -> str:
    """The rows in columns, values right-aligned."""
    lines = [HEADER, *rows]
    what, figure, value = (max(len(line[place]) for line in lines) for place in range(3))
    return "\n".join(
        f"{line[0]:<{what}}  {line[1]:<{figure}}  {line[2]:>{value}}  {line[3]}".rstrip()
        for line in lines
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("gpu.sh", description="See the head of benchmarks/gpu.sh.")
    parser.add_argument("--small", action="store_true", help="in seconds, on the CPU")
    parser.add_argument("--case", action="store_true", help="whether pretraining helps there")
    parser.add_argument("--out", default=os.environ.get("OUT"), help="folder; $OUT")
    parser.add_argument("--step", choices={**STEPS, **CASE}, help=argparse.SUPPRESS)
    for inner in ("--file", "--scratch"):
        parser.add_argument(inner, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
