"""Trains a recognizer in the background on the labels so far."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from captcha_ssl.atomic import whole_lines
from captcha_ssl.labeling.answers import write_table

FILE_NAME, METRICS = "model.onnx", "metrics.jsonl"
"""The file of a successful run, and the file of its metrics."""

_NICENESS = 10
"""The niceness of the training, so that the page stays fast."""


class Retraining:
    """Runs `captcha-ssl finetune` on the labels after every `every` new ones.

    Each round is a separate run in `folder`, named by its number of labels. `learned` is called
    from another thread with the folder of a successful run. One round runs at a time.
    """

    def __init__(
        self,
        table: Path,
        folder: Path,
        *,
        every: int,
        steps: int,
        labeled: int,
        init_from: Path | str | None,
        learned: Callable[[Path], None],
    ) -> None:
        self.table, self.folder = table, folder
        self.every, self.steps, self.init_from = every, steps, init_from
        self.learned = learned
        self._last = labeled - labeled % every
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._run: Path | None = None
        self._state, self._labels, self._error = "waiting", 0, ""
        self._stopped = False

    def note(self, labels: dict[str, str]) -> None:
        """Start a round if there are enough new labels and no round is running."""
        with self._lock:
            due = len(labels) >= self._last + self.every
            if not due or self._process is not None or self._stopped:
                return
            self._begin(labels)

    def status(self) -> dict[str, Any]:
        """`state` (waiting, learning, learned, failed) and its details."""
        with self._lock:
            status: dict[str, Any] = {"state": self._state, "labels": self._labels}
            if self._state == "learning":
                status |= {"step": self._step(), "steps": self.steps}
            if self._state == "failed":
                status["error"] = self._error
            return {**status, "every": self.every, "next": self._last + self.every}

    def stop(self) -> None:
        """End the running round, and start no other."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is not None:
            process.terminate()
            process.wait()

    def _begin(self, labels: dict[str, str]) -> None:
        count = len(labels)
        self._run = free_name(self.folder / str(count))
        self.folder.mkdir(parents=True, exist_ok=True)
        # A copy beside the table, because names are relative to that folder and the table grows.
        copy = self.table.with_name(f".{self.table.stem}-{self._run.name}.csv")
        write_table(copy, labels)
        command = [sys.executable, "-m", "captcha_ssl", "finetune", str(copy)]
        command += ["--out", str(self._run), "--steps", str(self.steps), "--quiet"]
        if self.init_from is not None:
            command += ["--init-from", str(self.init_from)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C goes to the page's program, which ends this one.
            start_new_session=True,
        )
        with suppress(AttributeError, OSError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)
        self._state, self._labels, self._last = "learning", count, count - count % self.every
        Thread(target=self._wait, args=(self._process, self._run, copy), daemon=True).start()

    def _wait(self, process: subprocess.Popen[str], run: Path, copy: Path) -> None:
        _, said = process.communicate()
        copy.unlink(missing_ok=True)
        state, error = "learned", ""
        if process.returncode or not (run / FILE_NAME).is_file():
            lines = said.strip().splitlines()
            state, error = "failed", lines[-1] if lines else f"exit code {process.returncode}"
        elif not self._stopped:
            self.learned(run)
        with self._lock:
            self._process, self._state, self._error = None, state, error

    def _step(self) -> int:
        """The last logged step of the round."""
        if self._run is None:
            return 0
        with suppress(OSError, ValueError, LookupError, TypeError):
            return int(json.loads(whole_lines(self._run / METRICS)[-1])["step"])
        return 0


def free_name(path: Path) -> Path:
    """`path`, or `path` with a number if it already exists."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def newest_round(folder: Path) -> Path | None:
    """The run of the last finished round, if there is one."""
    ended = [file for file in folder.glob(f"*/{FILE_NAME}") if file.is_file()]
    newest = max(ended, key=lambda file: file.stat().st_mtime, default=None)
    return None if newest is None else newest.parent
