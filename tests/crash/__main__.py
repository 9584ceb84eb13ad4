"""Kill runs at random moments, resume them, and compare the results with uninterrupted runs.

    python -m tests.crash [--kills 200] [--changes 20] [--seed 0]

Half of the kills fall at a random time of a run, half right before a random write is made
durable, renamed or removed. A run may be killed several times before it ends. Then runs are
killed, their data is changed, and resuming must be refused; with the data that they started with
they must still end like uninterrupted ones. Prints totals; exits with 1 when a result differs, a
run cannot resume or resumes with other data, and keeps the folder.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from tests.crash.child import ALIVE, Death, Ended, run
from tests.crash.scenarios import (
    CHANGED,
    SCENARIOS,
    Change,
    Contents,
    Scenario,
    every_file,
    prepare,
)

AGAIN = 0.5
"""How likely a resumed run is killed once more."""


@dataclass
class Harness:
    """A folder, a generator, and what has happened so far."""

    folder: Path
    rng: Random
    kills: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    refusals: int = 0
    problems: list[str] = field(default_factory=list)
    uninterrupted: dict[str, tuple[Ended, Contents]] = field(default_factory=dict)

    def learn(self) -> None:
        """Run every scenario without a kill."""
        prepare(self.folder, lambda arguments: run(arguments, ALIVE, self.folder / "log").code)
        for scenario in SCENARIOS:
            out = self.folder / "uninterrupted" / scenario.name.replace(" ", "-")
            out.parent.mkdir(exist_ok=True)
            ended = run(self._arguments(scenario, out), ALIVE, self.folder / "log")
            if ended.code:
                raise SystemExit(f"{scenario.name}: {(self.folder / 'log').read_text()}")
            self.uninterrupted[scenario.name] = ended, scenario.read(out)

    def once(self, scenario: Scenario) -> None:
        """Kill a run once or more often, let it end, and compare."""
        out = self.folder / "broken"
        shutil.rmtree(out, ignore_errors=True)
        log = self.folder / "broken.log"
        log.unlink(missing_ok=True)
        death: Death = self._death(scenario)
        while True:
            resumed = ("--resume",) if scenario.resumes and out.exists() else ()
            ended = run([*self._arguments(scenario, out), *resumed], death, log)
            self.kills[scenario.name] += ended.killed
            if ended.killed and not scenario.resumes and out.exists():
                # Killed once all was in its place: there is nothing left to do.
                ended = replace(ended, code=0)
                break
            if not ended.killed:
                break
            death = self._death(scenario) if self.rng.random() < AGAIN else ALIVE
        self.ends[scenario.name] += 1
        problem = self._problem(scenario, ended, out)
        if problem:
            kept = self.folder / f"problem-{len(self.problems)}"
            shutil.move(out, kept)
            self.problems.append(f"{scenario.name}: {problem} ({kept}); {log.read_text()[-1500:]}")

    def changed(self, scenario: Scenario, change: Change) -> None:
        """Kill a run whose state is saved, change its data and resume; then with the old data."""
        out, log, pile = self.folder / "broken", self.folder / "broken.log", self.folder / "pile"
        shutil.rmtree(out, ignore_errors=True)
        log.unlink(missing_ok=True)
        arguments = self._arguments(scenario, out)
        while True:
            run(arguments, self._death(scenario), log)
            if next(out.rglob("state.safetensors"), None) is not None:
                break
            shutil.rmtree(out, ignore_errors=True)
        kept = self.folder / "pile-as-it-was"
        pile.rename(kept)
        shutil.copytree(kept, pile)
        before = _kept(out)
        change(pile)
        refused = run([*arguments, "--resume"], ALIVE, log)
        touched = before != _kept(out)
        shutil.rmtree(pile)
        kept.rename(pile)
        ended = run([*arguments, "--resume"], ALIVE, log)
        self.attempts += 1
        problem = ""
        if refused.code != 2 or "other data" not in log.read_text():
            problem = f"{change.__name__}: not refused, exit code {refused.code}"
        elif touched:
            problem = f"{change.__name__}: refused, but files of the run were touched"
        else:
            self.refusals += 1
        problem = problem or self._problem(scenario, ended, out)
        if problem:
            self.problems.append(f"{scenario.name}: {problem}; {log.read_text()[-1500:]}")

    def _problem(self, scenario: Scenario, ended: Ended, out: Path) -> str:
        if ended.code:
            return f"exit code {ended.code}"
        expected, found = self.uninterrupted[scenario.name][1], scenario.read(out)
        if expected == found:
            return ""
        names = sorted(n for n in expected | found if expected.get(n) != found.get(n))
        return f"differs in {', '.join(names)}"

    def _death(self, scenario: Scenario) -> Death:
        ended = self.uninterrupted[scenario.name][0]
        if self.rng.random() < 0.5 and ended.calls:
            return Death(call=self.rng.randint(1, ended.calls))
        return Death(seconds=self.rng.uniform(0, ended.seconds))

    def _arguments(self, scenario: Scenario, out: Path) -> list[str]:
        return [part.format(given=self.folder, out=out) for part in scenario.arguments]


def _kept(out: Path) -> Contents:
    """`every_file`, but the halves of files that a killed write has left: they may be removed."""
    return {n: data for n, data in every_file(out).items() if not n.endswith(".partial")}


def main() -> int:
    """Do as many kills as asked for and print the totals."""
    parser = argparse.ArgumentParser("python -m tests.crash")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    # In memory before the first fork, and computing in one thread: threads do not survive it.
    import torch

    import captcha_ssl.cli.main
    import captcha_ssl.pretraining.pretrain  # noqa: F401

    torch.set_num_threads(1)
    begun = time.monotonic()
    harness = Harness(Path(tempfile.mkdtemp(prefix="crash-")), Random(asked.seed))
    harness.learn()
    turn = 0
    while harness.kills.total() < asked.kills:
        harness.once(SCENARIOS[turn % len(SCENARIOS)])
        turn += 1
    for turn in range(asked.changes):
        scenario, change = CHANGED[turn % len(CHANGED)]
        harness.changed(scenario, change)
    for scenario in SCENARIOS:
        name = scenario.name
        print(f"{name:22} {harness.kills[name]:4} kills, {harness.ends[name]:4} runs ended")
    refused = f"{harness.refusals} of {asked.changes} refused"
    print(f"{'with other data':22} {refused}")
    for problem in harness.problems:
        print(f"PROBLEM {problem}")
    kills, bad = harness.kills.total(), len(harness.problems)
    ends = harness.ends.total() + harness.attempts
    seconds = time.monotonic() - begun
    print(
        f"{'total':22} {kills:4} kills, {ends:4} runs ended, "
        f"{ends - bad} equal to an uninterrupted run,"
    )
    print(f"{'':22} {bad} not; {seconds:.0f} s, seed {asked.seed}")
    if not bad:
        shutil.rmtree(harness.folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
