"""The results of a benchmark, and the settings and machine behind them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.report.summary import Entry, summarize
from captcha_ssl.benchmark.runs.details import Details
from captcha_ssl.benchmark.runs.environment import environment
from captcha_ssl.benchmark.runs.job import Bench
from captcha_ssl.benchmark.runs.parallel import process_count
from captcha_ssl.benchmark.runs.pretraining import EncoderRun
from captcha_ssl.benchmark.runs.records import Row, Trial, winners
from captcha_ssl.data.sources import listed


@dataclass(frozen=True)
class Results:
    """Everything that the report shows."""

    configuration: BenchmarkConfig
    rows: list[Row]
    entries: list[Entry]
    trials: list[Trial]
    pretrained: list[EncoderRun]
    data: dict[str, Any]
    environment: dict[str, str | int]
    command: str
    details: Mapping[tuple[str, int, int], Details] = field(default_factory=dict)
    """By arm, labels and seed; earlier versions did not write them."""

    @classmethod
    def collect(cls, bench: Bench, rows: list[Row], trials: list[Trial], command: str) -> Results:
        """Summarize the rows and note data and environment."""
        configuration, material = bench.configuration, bench.material
        settings = configuration.benchmark
        data = {
            "source": str(listed(settings.data))
            if settings.data
            else f"rendered, style {settings.style}",
            "pool": len(material.pool),
            "pile": material.from_pile,
            "test": len(material.test),
            "copies_removed": material.removed,
            "unseen": len(material.unseen or ()),
            "rejected": len(material.unlabeled.rejected),
            "charset": material.charset.characters,
            "geometry": asdict(material.pool.geometry),
        }
        return cls(
            configuration,
            rows,
            summarize(rows, configuration.arms),
            trials,
            list(bench.pretrained.values()),
            data,
            environment(settings.device, settings.precision)
            | {"at once": process_count(settings.processes, settings.device)},
            command,
            bench.details(rows),
        )

    def chosen(self) -> set[Trial]:
        """The trials whose learning rate the reported runs use."""
        return set(winners(self.trials).values())

    def to_json(self) -> dict[str, Any]:
        """The content of benchmark.json."""
        chosen = self.chosen()
        return {
            "rows": [asdict(row) for row in self.rows],
            "summary": [_entry_json(entry) for entry in self.entries],
            "tuning": [{**asdict(trial), "chosen": trial in chosen} for trial in self.trials],
            "pretraining": [
                {
                    "method": p.method,
                    "seed": p.seed,
                    "steps": p.steps,
                    "seconds": p.seconds,
                    "figures": p.figures,
                    "findings": p.findings,
                }
                for p in self.pretrained
            ],
            "data": self.data,
            "settings": tomllib.loads(self.configuration.to_toml()),
            "environment": self.environment,
            "command": self.command,
        }


def _entry_json(entry: Entry) -> dict[str, Any]:
    savings = entry.savings
    factor = {"factor": savings.factor} if savings else {}
    return asdict(entry) | {"savings": asdict(savings) | factor if savings else None}
