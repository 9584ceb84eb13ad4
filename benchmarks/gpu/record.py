"""The measurements of a step: one JSON file, rewritten after each part of the step."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from captcha_ssl.atomic import atomic_write_text

Row = tuple[str, str, str, str]
"""Part, figure, value and unit."""


@dataclass(frozen=True)
class Part:
    """Figures for the table by name, each a value and its unit; and what else is worth keeping."""

    figures: dict[str, tuple[float | str, str]]
    details: dict[str, Any] = field(default_factory=dict)


Parts = dict[str, Callable[[], Part]]
"""The measurements of a step by name, in the order in which they are made."""


@dataclass
class Record:
    """The content of a step's file. `failed` says why, for each part that gave nothing."""

    path: Path
    parts: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    finished: bool = False

    @classmethod
    def open(cls, path: Path) -> Record:
        """The record at `path`, an empty one if there is none."""
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(path, **stored)

    def complete(self, parts: Parts) -> None:
        """Measure the missing parts. One that fails does not stop the others."""
        self.failed = {}
        for name, measure in parts.items():
            if name in self.parts:
                continue
            try:
                self.parts[name] = asdict(measure())
            except Exception as error:
                self.failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            self.write()
        self.finished = not self.failed
        self.write()

    def write(self) -> None:
        """Write the file atomically."""
        content = {k: v for k, v in vars(self).items() if k != "path"}
        atomic_write_text(self.path, json.dumps(_valid(content), indent=2) + "\n")

    def rows(self) -> list[Row]:
        """The lines of the table."""
        figures = [
            (name, figure, _shown(value), unit)
            for name, part in self.parts.items()
            for figure, (value, unit) in part["figures"].items()
        ]
        return figures + [(name, "failed", why, "") for name, why in self.failed.items()]


def _valid(content: Any) -> Any:
    """JSON has no infinite numbers and no NaN."""
    if isinstance(content, dict):
        return {key: _valid(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_valid(value) for value in content]
    return str(content) if isinstance(content, float) and not math.isfinite(content) else content


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
