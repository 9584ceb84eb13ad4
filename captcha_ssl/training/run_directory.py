"""The run directory: what a run was told, what it measured and what it made."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.dataset import write_rejected
from captcha_ssl.data.sources import Rejected
from captcha_ssl.errors import UserError

CONFIG = "config.toml"
METRICS = "metrics.jsonl"
LOG = "log.txt"
STATE = "state"
REJECTED = "rejected.csv"


def open_run(path: Path, config: str, *, resume: bool) -> RunDirectory:
    """Start a run in `path`, or go on with the one there. Raises UserError as those do."""
    return (RunDirectory.resume if resume else RunDirectory.create)(path, config)


class RunDirectory:
    """A folder with config.toml, metrics.jsonl, log.txt, model.safetensors and state/."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, config: str) -> RunDirectory:
        """Start a run in `path`. Raises UserError when something is already there."""
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(f"{path}: already holds something; choose another --out or --resume it")
        path.mkdir(parents=True, exist_ok=True)
        atomic_write_text(path / CONFIG, config)
        return cls(path)

    @classmethod
    def resume(cls, path: Path, config: str) -> RunDirectory:
        """Go on with the run in `path`, begun with the same settings; start it where there is none.

        Raises UserError when the settings differ: a run has one configuration.
        """
        stored = path / CONFIG
        if not stored.exists():
            return cls.create(path, config)
        begun, wanted = _read_config(stored), tomllib.loads(config)
        changed = sorted(k for k in begun | wanted if begun.get(k) != wanted.get(k))
        if changed:
            keys = ", ".join(changed)
            raise UserError(f"{path}: begun with other settings ({keys}); use those or a new --out")
        return cls(path)

    def note_rejected(self, rejected: Sequence[Rejected]) -> None:
        """List the rows of the dataset that were left out in rejected.csv, if there are any."""
        if rejected:
            write_rejected(self.path / REJECTED, rejected)
            self.log(f"{len(rejected)} rows of the dataset left out; see {REJECTED}")

    def metric(self, step: int, figures: dict[str, float]) -> None:
        """Append one line of figures to metrics.jsonl."""
        row = {"step": step, **{k: round(v, 6) for k, v in figures.items()}}
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """All lines of metrics.jsonl, oldest first."""
        file = self.path / METRICS
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def forget_after(self, step: int) -> None:
        """Drop the metrics of steps beyond `step`: a resumed run will write them again."""
        kept = [row for row in self.metrics() if row["step"] <= step]
        atomic_write_text(self.path / METRICS, "".join(json.dumps(row) + "\n" for row in kept))

    def log(self, message: str) -> None:
        """Append one dated line to log.txt."""
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n")

    @property
    def state_file(self) -> Path:
        """Where the state for exact resume is kept."""
        return self.path / STATE / "state.safetensors"


def _read_config(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{file}: not readable ({error}); start a new --out") from error
