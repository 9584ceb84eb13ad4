"""One line for every finished fine-tuning, with an estimate of the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean

from captcha_ssl.benchmark.plan.plan import Arm, Choice
from captcha_ssl.benchmark.runs.records import Row, Trial


class Countdown:
    """Counts the fine-tunings of a benchmark, `todo` of each arm, `processes` of them at a time.

    A matched one takes `matched_seconds` more.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        show: Callable[[Row], None],
        arms: Iterable[Arm],
        todo: Mapping[str, int],
        matched_seconds: float,
        processes: int,
    ) -> None:
        self.say, self.show, self.matched_seconds = say, show, matched_seconds
        self.left = dict(todo)
        self.matched = {arm.name for arm in arms if arm.match_compute}
        self.total = sum(self.left.values())
        self.processes = processes
        self.taken: list[float] = []

    def skipped(self, record: Trial | Row) -> None:
        """A fine-tuning that an earlier session finished."""
        self._count(record)

    def finished(self, record: Trial | Row) -> None:
        """Say what a fine-tuning came to."""
        self._count(record)
        choice = Choice(record.lr, record.recipe)
        place = f"seed {record.seed}" if isinstance(record, Row) else f"tuning {choice}"
        stuck = "" if record.converged else ", stuck on the CTC plateau"
        done = self.total - sum(self.left.values())
        count = f"[{done:>{len(str(self.total))}}/{self.total}]"
        self.say(
            f"{count} {record.arm}, {record.labels:,} labels, {place}: "
            f"exact match {record.exact_match:.1%}, CER {record.cer:.1%}{stuck}, "
            f"{duration(record.seconds)}; {self._estimate()}"
        )

    def _count(self, record: Trial | Row) -> None:
        self.left[record.arm] -= 1
        if record.arm not in self.matched:
            self.taken.append(record.seconds)
        if isinstance(record, Row):
            self.show(record)

    def _estimate(self) -> str:
        if not any(self.left.values()):
            return "done"
        if not self.taken:
            return "time left not known yet"
        matched = sum(self.left[arm] for arm in self.matched)
        seconds = fmean(self.taken) * sum(self.left.values()) / self.processes
        return f"about {duration(seconds + self.matched_seconds * matched)} left"


def duration(seconds: float) -> str:
    """Seconds as a person would say them: 45 s, 12 min, 3 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
