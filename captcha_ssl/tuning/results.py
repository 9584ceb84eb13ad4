"""What a search has found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from captcha_ssl.benchmark.report.statistics import Estimate, estimate
from captcha_ssl.tuning.config import TuneConfig
from captcha_ssl.tuning.material import TrialImages
from captcha_ssl.tuning.recipe import Recipe
from captcha_ssl.tuning.space import Values
from captcha_ssl.tuning.study import Tried, difference


@dataclass(frozen=True)
class SearchResults:
    """The trials in their order, and the best of them.

    The first `fixed` trials have defaults: no pretraining, the default method, and perhaps the
    shipped model. `labels` is the path of the labels, None if `data` has them. `recipe` turns
    values into settings.
    """

    config: TuneConfig
    images: TrialImages
    data: Path
    labels: Path | None
    tried: tuple[Tried, ...]
    best: Tried
    fixed: int
    recipe: Callable[[Values], Recipe]
    command: str

    @property
    def baselines(self) -> list[Tried]:
        """The trials with defaults that the best is compared with."""
        return [trial for trial in self.tried if trial.number < self.fixed]

    @property
    def ranked(self) -> list[Tried]:
        """All trials: by the rung they reached, the highest first, then by error."""
        return sorted(self.tried, key=lambda t: (-t.last.rung, t.last.cer, t.number))

    @property
    def summary(self) -> str:
        """The best beside the defaults, a line for each, in words."""
        lines = [f"{self.named(self.best)}: {self.figure(self.best)}"]
        for trial in self.baselines:
            if trial.number != self.best.number:
                lines.append(f"{self.named(trial)}: {self.figure(trial)}{self.apart(trial)}")
        labels = len(self.images.labeled)
        lines.append(f"character errors in held-out images, of {labels:,} with labels")
        return "\n".join(lines)

    def named(self, trial: Tried) -> str:
        """The name of a trial in messages."""
        name = self.recipe(trial.values).name
        return f"{name} with defaults" if trial.number < self.fixed else name

    def figure(self, trial: Tried) -> str:
        """Its error on its last rung; names that rung unless it is the final one."""
        rungs = self.config.tune.rungs
        rung = trial.last.rung + 1
        after = "" if rung == rungs else f" on rung {rung} of {rungs}"
        return f"CER {interval(self.cer(trial))}{after}"

    def cer(self, trial: Tried) -> Estimate:
        """Its error rate; the interval is over the held-out images."""
        return self._rate(estimate(trial.last.errors))

    def gain(self, over: Tried) -> Estimate | None:
        """The error of another trial minus that of the best, on the images that both have read."""
        if over.last.problem:
            return None
        return self._rate(difference(over, self.best))

    def apart(self, trial: Tried) -> str:
        """The difference between the best and another trial, in words."""
        gain = self.gain(trial)
        if gain is None or gain.low is None:
            return ""
        clear = "" if gain.low > 0 else "; not clear of zero"
        return f" (difference {interval(gain)}{clear})"

    def _rate(self, errors: Estimate) -> Estimate:
        """Errors an image as errors a character."""
        labels = self.images.labeled.labels or []
        each = sum(map(len, labels)) / len(labels)
        low, high = (None if x is None else x / each for x in (errors.low, errors.high))
        return Estimate(errors.mean / each, low, high)


def interval(rate: Estimate) -> str:
    """A rate in percent, with half of its interval."""
    if rate.high is None:
        return f"{rate.mean:.1%}"
    return f"{rate.mean:.1%} ± {100 * (rate.high - rate.mean):.1f}"
