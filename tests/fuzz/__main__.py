"""Feed damaged files to the program and count what happens.

    python -m tests.fuzz [--count 10000] [--seed 0] [--replay NUMBER] [--processes 2]

Every input is a number: with the seed it decides the file and the damage, so that a finding can
be replayed. Exits with 1 when there is a finding: a traceback, a death by signal, more than one
line of error, more memory than allowed, or no answer in time.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.fuzz.corpus import build

LIMIT = 60.0
"""Seconds for one input; a second is usual on a busy machine."""


class Worker:
    """A process that answers; another takes its place when it dies or says nothing."""

    def __init__(self, corpus: Path, place: Path, seed: int) -> None:
        self.command = [
            sys.executable,
            "-m",
            "tests.fuzz.worker",
            str(corpus),
            str(place),
            str(seed),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, number: int) -> dict[str, Any]:
        """What came of one input."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        process = self.process
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(f"{number}\n".encode())
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], LIMIT)
        line = process.stdout.readline() if ready else b""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.close()
        problem = f"died ({process.returncode})" if ready else f"no answer in {LIMIT:.0f} s"
        detail = process.stderr.read().decode(errors="replace")[-2000:]
        return {"number": number, "kind": kind_of(number), "code": None} | {
            "problem": problem,
            "detail": detail,
        }

    def close(self) -> None:
        if self.process is not None:
            self.process.kill() if self.process.poll() is None else None
            self.process.wait()


def kind_of(number: int) -> str:
    from tests.fuzz.corpus import TARGETS

    return TARGETS[number % len(TARGETS)].kind


def fuzz(numbers: range, seed: int, processes: int, corpus: Path) -> Iterator[dict[str, Any]]:
    """The answers to all inputs, shared out among the processes."""
    shares = [numbers[i::processes] for i in range(processes)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:

        def work(index: int) -> list[dict[str, Any]]:
            worker = Worker(corpus, Path(folder) / str(index), seed)
            try:
                return [worker.ask(number) for number in shares[index]]
            finally:
                worker.close()

        for answers in pool.map(work, range(processes)):
            yield from answers


def main() -> int:
    """Run, print the totals by kind, and the findings."""
    parser = argparse.ArgumentParser("python -m tests.fuzz")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replay", type=int, help="one input by its number, with its details")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    begun = time.monotonic()
    numbers = range(asked.count) if asked.replay is None else range(asked.replay, asked.replay + 1)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        build(corpus)
        answers = list(fuzz(numbers, asked.seed, min(asked.processes, len(numbers)), corpus))
    findings = [answer for answer in answers if answer["problem"]]
    for kind in dict.fromkeys(answer["kind"] for answer in answers):
        of_kind = [answer for answer in answers if answer["kind"] == kind]
        codes = Counter(str(answer["code"]) for answer in of_kind if not answer["problem"])
        shown = ", ".join(f"{count:,} exit {code}" for code, count in sorted(codes.items()))
        bad = sum(bool(answer["problem"]) for answer in of_kind)
        print(f"{kind:8} {len(of_kind):6,} inputs: {shown}; {bad} findings")
    for answer in findings[:40]:
        last = (answer["detail"].strip().splitlines() or [""])[-1]
        print(f"finding {answer['number']} ({answer['kind']}): {answer['problem']}: {last[:200]}")
        if asked.replay is not None:
            print(answer["detail"])
    seconds, total = time.monotonic() - begun, f"{len(answers):6,} inputs"
    print(f"total    {total}, {len(findings)} findings, {seconds:.0f} s, seed {asked.seed}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
