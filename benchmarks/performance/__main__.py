"""Takes every measurement in its own process, and prints the ratios.

    python -m benchmarks.performance [--small] [--only NAME …] [--write FILE.md]

Each peer is measured in the same run as what it stands beside, in turns with it. Beside FILE.md
goes FILE.json. What is measured in which words is at the head of each module.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.performance.ratio import Ratio
from benchmarks.performance.table import table
from captcha_ssl.atomic import atomic_write_text

MEASUREMENTS = (
    "render",
    "generate",
    "views",
    "step",
    "precision",
    "compiled",
    "tiles",
    "fetch",
    "millions",
    "start",
)
COMMAND = "python -m benchmarks.performance"


def main() -> None:
    """Take one measurement and print it as JSON, or all of them and print the table."""
    asked = _arguments()
    if asked.measure:
        found = import_module(f"benchmarks.performance.{asked.measure}").measure(asked.small)
        print(json.dumps([asdict(ratio) for ratio in found]))
        return
    names = asked.only or MEASUREMENTS
    found = {name: _in_a_process(name, small=asked.small) for name in names}
    shown = table([Ratio(**ratio) for ratios in found.values() for ratio in ratios])
    print(shown)
    if asked.write:
        _write(asked.write, shown, found)


def _in_a_process(name: str, *, small: bool) -> list[dict[str, Any]]:
    print(f"measuring {name}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.performance", "--measure", name]
    done = subprocess.run(command + ["--small"] * small, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: ended with {done.returncode}")
    ratios: list[dict[str, Any]] = json.loads(done.stdout)
    return ratios


def _write(file: Path, shown: str, found: dict[str, Any]) -> None:
    from captcha_ssl.benchmark.runs.environment import environment

    machine = environment("cpu", "auto")
    where = ", ".join(f"{key} {value}" for key, value in machine.items())
    told = os.environ.get("OMP_NUM_THREADS")
    head = f"# Performance\n\n`{COMMAND}` printed this on: {where}."
    head += f" OMP_NUM_THREADS was {told}.\n" if told else "\n"
    atomic_write_text(file, f"{head}\n{shown}\n")
    stored = json.dumps({"machine": machine, "ratios": found}, indent=2)
    atomic_write_text(file.with_suffix(".json"), stored + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(COMMAND, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="in seconds, to see that it runs")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="these alone")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="and FILE.json beside it")
    parser.add_argument("--measure", choices=MEASUREMENTS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
