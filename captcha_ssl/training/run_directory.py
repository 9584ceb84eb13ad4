"""The run directory: configuration, metrics, log, model and saved state of a run."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from captcha_ssl.atomic import append_line, atomic_write_text, remove_partials, whole_lines
from captcha_ssl.data.rejected import write_rejected
from captcha_ssl.data.sources import Rejected
from captcha_ssl.documents import loaded_json, parse_toml, read_json
from captcha_ssl.errors import UserError
from captcha_ssl.interruption import Saying
from captcha_ssl.launch import launch, restarted
from captcha_ssl.lock import FolderLock
from captcha_ssl.text_file import iter_lines
from captcha_ssl.training.distributed import begin_together
from captcha_ssl.training.origin import changes, refuse
from captcha_ssl.training.state_data import STATE_FILE

CONFIG = "config.toml"
DATA = "data.json"
METRICS = "metrics.jsonl"
LOG = "log.txt"
REJECTED = "rejected.csv"
LAUNCH = "launch"
"""Which launch of torchrun is training; gone once it is done."""

Curves = Callable[[int, dict[str, float]], None]
"""Sends the figures of a step to a tracker."""


@contextmanager
def open_run(path: Path, config: str, *, resume: bool = False) -> Iterator[RunDirectory]:
    """Start a run in `path`, or resume the one there, and lock it against other processes.

    Under torchrun the first rank does so while the others wait; the others write nothing. Ranks
    that torchrun starts again, after one was lost, resume the run they started without being asked.
    Raises UserError like `create` and `resume`, and if another process uses the folder.
    """
    resume = resume or begun_here(path)
    with ExitStack() as held:
        yield begin_together(
            lambda: held.enter_context(_opened(path, config, resume=resume)),
            lambda: RunDirectory(path, writes=False),
        )


def begun_here(path: Path) -> bool:
    """Whether torchrun starts these processes again, and the run in `path` is the one they started.

    Another run, which the first attempt has refused to touch, is not.
    """
    try:
        return restarted() and (path / LAUNCH).read_text(encoding="utf-8") == launch()
    except (OSError, UnicodeDecodeError):
        return False


@contextmanager
def _opened(path: Path, config: str, *, resume: bool) -> Iterator[RunDirectory]:
    refuse_in_use(path, resume=resume)
    path.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(FolderLock(path))
        except BlockingIOError as error:
            raise UserError(
                f"{path}: another process uses this folder; wait for it, stop it, or "
                "choose another --out"
            ) from error
        remove_partials(path)
        held.enter_context(Saying(f"stopped; continue with --out {path} --resume"))
        run = (RunDirectory.resume if resume else RunDirectory.create)(path, config)
        if launch():
            atomic_write_text(path / LAUNCH, launch())
        yield run
        (path / LAUNCH).unlink(missing_ok=True)


class RunDirectory:
    """A folder with config.toml, metrics.jsonl, log.txt, model.safetensors and state/.

    Ranks other than the first only read: `writes` is false.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path, self.writes = path, writes
        self.curves: Curves | None = None
        """Also receives all figures, if set."""

    @classmethod
    def create(cls, path: Path, config: str) -> RunDirectory:
        """Start a run in `path`. Raises UserError when something is already there."""
        refuse_in_use(path, resume=False)
        path.mkdir(parents=True, exist_ok=True)
        atomic_write_text(path / CONFIG, config)
        return cls(path)

    @classmethod
    def resume(cls, path: Path, config: str) -> RunDirectory:
        """Resume the run in `path`, started with the same settings; start one where there is none.

        Raises UserError when the settings differ: a run has one configuration.
        """
        stored = path / CONFIG
        if not stored.exists():
            return cls.create(path, config)
        begun, wanted = _read_config(stored), tomllib.loads(config)
        # Earlier versions left out a start from scratch.
        either = begun | wanted
        changed = sorted(k for k in either if begun.get(k, "none") != wanted.get(k, "none"))
        if changed:
            keys = ", ".join(changed)
            raise UserError(
                f"{path}: started with other settings ({keys}); use those or a new --out"
            )
        return cls(path)

    def hold_to(self, data: Mapping[str, str]) -> None:
        """Store the origin of the data in data.json, for a run without a saved state.

        Raises UserError if the run started with other data.
        """
        file = self.path / DATA
        if not file.exists():
            atomic_write_text(file, json.dumps(data, indent=2) + "\n")
            return
        changed = changes(read_json(file, dict[str, str], "start a new --out"), data)
        if changed:
            refuse(self.path, changed)

    def config(self) -> dict[str, Any]:
        """Every setting in config.toml; none if there is no such file."""
        stored = self.path / CONFIG
        return _read_config(stored) if stored.exists() else {}

    def note_rejected(self, rejected: Sequence[Rejected]) -> None:
        """List the rejected rows of the dataset in rejected.csv, if there are any."""
        if rejected and self.writes:
            write_rejected(self.path / REJECTED, rejected)
            self.log(f"{len(rejected)} rows of the dataset left out; see {REJECTED}")

    def metric(self, step: int, figures: dict[str, float]) -> None:
        """Append one line of figures to metrics.jsonl."""
        if self.writes:
            append_line(self.path / METRICS, json.dumps({"step": step, **figures}))
            if self.curves is not None:
                self.curves(step, figures)

    def metrics(self) -> list[dict[str, Any]]:
        """All lines of metrics.jsonl, oldest first."""
        file = self.path / METRICS
        try:
            return [_figures(line) for line in whole_lines(file)]
        except ValueError as error:
            raise UserError(f"{file}: damaged ({error}); start a new --out") from error

    def forget_after(self, step: int) -> None:
        """Remove the metrics of steps beyond `step`: a resumed run writes them again."""
        if not self.writes or not (self.path / METRICS).exists():
            return
        kept = [row for row in self.metrics() if row["step"] <= step]
        atomic_write_text(self.path / METRICS, "".join(json.dumps(row) + "\n" for row in kept))

    def log(self, message: str) -> None:
        """Append one line with the time to log.txt."""
        if self.writes:
            append_line(self.path / LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}")

    @property
    def state_file(self) -> Path:
        """The file of the state for exact resume."""
        return self.path / STATE_FILE


def _figures(line: str) -> dict[str, Any]:
    """One line of metrics.jsonl. Raises ValueError."""
    row = loaded_json(line)
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        raise ValueError("a line without its step")
    for name, figure in row.items():
        whole = isinstance(figure, int) and not isinstance(figure, bool)
        if not (isinstance(figure, float) or whole and abs(figure) < 2**63):
            raise ValueError(f"{name} is not a number")
    return row


def refuse_in_use(path: Path, *, resume: bool) -> None:
    """Raise UserError for a path where no run can start, or where `resume` is missing.

    `open_run` does so too; a caller with long work before it calls this first.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: not a folder; choose another --out")
    if not resume and path.is_dir() and any(path.iterdir()):
        raise UserError(f"{path}: already holds something; choose another --out or --resume it")


def _read_config(file: Path) -> dict[str, Any]:
    # File names that are not UTF-8 are read back unchanged.
    return parse_toml("\n".join(iter_lines(file)), file)
