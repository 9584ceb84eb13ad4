"""One line for every finished fine-tuning, with an estimate of the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from captcha_ssl.benchmark.plan.arms import Arm
from captcha_ssl.benchmark.plan.plan import Choice
from captcha_ssl.benchmark.runs.records import Row, Trial
from captcha_ssl.duration import duration
from captcha_ssl.notice import Say, silent

_SELF_TRAINING = 2.3
"""How many times longer self-training takes: the teacher reads the same number of extra images, and
the student learns them."""


@dataclass(frozen=True)
class BenchmarkListener:
    """Receives progress lines, and each reported row."""

    say: Say = silent
    show: Callable[[Row], None] = lambda row: None


UNHEARD = BenchmarkListener()
"""Receives everything and shows nothing."""


class Countdown:
    """Counts the fine-tunings of a benchmark: `todo` of each arm, `processes` at a time.

    A matched fine-tuning takes `matched_seconds` longer.
    """

    def __init__(
        self,
        listener: BenchmarkListener,
        arms: Iterable[Arm],
        todo: Mapping[str, int],
        matched_seconds: float,
        processes: int,
    ) -> None:
        self.listener, self.matched_seconds = listener, matched_seconds
        self.left = dict(todo)
        arms = list(arms)
        self.matched = {arm.name for arm in arms if arm.match_compute}
        self.self_training = {arm.name for arm in arms if arm.self_training}
        self.total = sum(self.left.values())
        self.processes = processes
        self.taken: dict[str, list[float]] = {}

    def skipped(self, record: Trial | Row) -> None:
        """A fine-tuning that an earlier session finished."""
        self._count(record)

    def finished(self, record: Trial | Row) -> None:
        """Report the result of a fine-tuning."""
        self._count(record)
        choice = Choice(record.lr, record.recipe)
        place = f"seed {record.seed}" if isinstance(record, Row) else f"tuning {choice}"
        stuck = "" if record.converged else ", stuck on the CTC plateau"
        done = self.total - sum(self.left.values())
        count = f"[{done:>{len(str(self.total))}}/{self.total}]"
        self.listener.say(
            f"{count} {record.arm}, {record.labels:,} labels, {place}: "
            f"exact match {record.exact_match:.1%}, CER {record.cer:.1%}{stuck}, "
            f"{duration(record.seconds)}; {self._estimate()}"
        )

    def _count(self, record: Trial | Row) -> None:
        self.left[record.arm] -= 1
        if record.arm not in self.matched:
            self.taken.setdefault(record.arm, []).append(record.seconds)
        if isinstance(record, Row):
            self.listener.show(record)

    def _estimate(self) -> str:
        if not any(self.left.values()):
            return "done"
        if not self.taken:
            return "time left not known yet"
        matched = sum(self.left[arm] for arm in self.matched)
        seconds = sum(left * self._usual(arm) for arm, left in self.left.items()) / self.processes
        return f"about {duration(seconds + self.matched_seconds * matched)} left"

    def _usual(self, arm: str) -> float:
        """Seconds of one fine-tuning of an arm: its own mean, or else that of similar arms.

        Self-training takes longer and comes late; without own times it is estimated.
        """
        if arm in self.taken:
            return fmean(self.taken[arm])
        trains_itself = arm in self.self_training
        alike = [s for a, s in self.taken.items() if (a in self.self_training) is trains_itself]
        if alike:
            return fmean(map(fmean, alike))
        usual = fmean(map(fmean, self.taken.values()))
        return usual * _SELF_TRAINING if trains_itself else usual / _SELF_TRAINING
