"""Where the figures of a run go besides metrics.jsonl."""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.training.loop import train
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.trackers.tensorboard import FOLDER

ROOT = Path(__file__).parents[2]
POINTS = torch.linspace(-1, 1, 20)[:, None]
LOOP = LoopSettings(
    batch_size=5, log_every=10, checkpoint_every=25, device="cpu", tracker="tensorboard"
)


class Square(nn.Module):
    """Has a loss, and can be told to be interrupted."""

    def __init__(self, stops_at: int | None = None) -> None:
        super().__init__()
        self.layer, self.calls, self.stops_at = nn.Linear(1, 1), 0, stops_at

    def forward(self, batch: Tensor, progress: float) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls == self.stops_at:
            raise RuntimeError("killed")
        return {"loss": self.layer(batch).square().mean()}

    def after_step(self, progress: float) -> None: ...


def _train(task: Square, run: RunDirectory, loop: LoopSettings = LOOP) -> list[dict[str, float]]:
    groups = [{"params": list(task.parameters()), "lr": loop.lr}]
    return train(task, groups, lambda i: POINTS[i], len(POINTS), 60, loop, run=run)


def _drawn(run: RunDirectory) -> list[tuple[int, float]]:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the extra tensorboard"
    )
    events = accumulator.EventAccumulator(str(run.path / FOLDER)).Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


def test_the_tracker_shows_the_measured_figures(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    history = _train(Square(), run)
    assert _drawn(run) == [(row["step"], pytest.approx(row["loss"])) for row in history]
    assert run.curves is None


def test_a_resumed_run_draws_no_step_twice(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    with pytest.raises(RuntimeError, match="killed"):
        _train(Square(stops_at=45), run)
    assert [step for step, _ in _drawn(run)] == [10, 20, 30, 40]
    history = _train(Square(), run)
    assert _drawn(run) == [(row["step"], pytest.approx(row["loss"])) for row in history]


def test_no_tracker_is_used_by_default(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    _train(Square(), run, LOOP.replace(tracker="none"))
    assert not (run.path / FOLDER).exists()


@pytest.mark.parametrize(
    ("name", "module"),
    [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb"), ("trackio", "trackio")],
)
def test_without_the_package_the_message_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    real = builtins.__import__

    def lacking(asked: str, *rest: Any, **named: Any) -> Any:
        if asked == module:
            raise ImportError(asked)
        return real(asked, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", lacking)
    run = RunDirectory.create(tmp_path / "run", "")
    with pytest.raises(UserError, match=rf"pip install 'captcha-ssl\[{name}\]'"):
        _train(Square(), run, LOOP.replace(tracker=name))


class Recorder(ModuleType):
    """Stands for wandb or trackio: notes what it is told."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.begun: list[dict[str, Any]] = []
        self.rows: list[tuple[int, float]] = []
        self.ended = 0

    def Settings(self, **named: Any) -> dict[str, Any]:  # noqa: N802
        return named

    def init(self, **named: Any) -> Recorder:
        self.begun.append(named)
        return self

    def log(self, figures: dict[str, float], step: int) -> None:
        self.rows.append((step, figures["loss"]))

    def finish(self) -> None:
        self.ended += 1


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_a_tracker_gets_every_figure_and_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recorder = Recorder()
    monkeypatch.setitem(sys.modules, name, recorder)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    run = RunDirectory.create(tmp_path / "run", "seed = 3")
    loop = LOOP.replace(tracker=name)
    with pytest.raises(RuntimeError, match="killed"):
        _train(Square(stops_at=45), run, loop)
    assert recorder.ended == 1
    history = _train(Square(), run, loop)
    # Steps 30 and 40 were measured again: the state was of step 25. Trackio would draw them twice.
    first, second = recorder.rows[:4], recorder.rows[4:]
    assert [step for step, _ in first] == [10, 20, 30, 40]
    again = [30, 40] if name == "wandb" else []
    assert [step for step, _ in second] == [*again, 50, 60]
    assert second == [(row["step"], row["loss"]) for row in history[-len(second) :]]
    before, after = recorder.begun
    # The same name again, so that the curve continues.
    assert before == after and before["config"] == {"seed": 3}
    assert name != "wandb" or before["mode"] == "offline"


def test_wandb_keeps_a_run_in_its_folder_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    run = RunDirectory.create(tmp_path / "run", "")
    _train(Square(), run, LOOP.replace(tracker="wandb"))
    assert list((run.path / "wandb").glob("offline-run-*/run-*.wandb"))


def test_trackio_keeps_what_was_measured_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec("trackio") is None:
        pytest.skip("the extra trackio is not installed")
    # In its own process: Trackio reads its folder when it is imported.
    script = tmp_path / "script.py"
    script.write_text(TRACKIO_RUN)
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "kept"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "run")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    # Trackio speaks on stdout, where results go.
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    database = next((tmp_path / "kept").rglob("*.db"))
    with contextlib.closing(sqlite3.connect(database)) as held:
        rows = held.execute("select step, metrics from metrics order by step").fetchall()
    measured = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert (
        [step for step, _ in rows] == [row["step"] for row in measured] == [10, 20, 30, 40, 50, 60]
    )
    kept = [json.loads(metrics)["loss"] for _, metrics in rows]
    assert kept == pytest.approx([row["loss"] for row in measured])


TRACKIO_RUN = """
import sys
from pathlib import Path

from captcha_ssl.training.run_directory import RunDirectory
from tests.training.test_trackers import LOOP, Square, _train

run = RunDirectory.create(Path(sys.argv[1]), "seed = 3")
try:
    _train(Square(stops_at=45), run, LOOP.replace(tracker="trackio"))
except RuntimeError:
    pass
_train(Square(), run, LOOP.replace(tracker="trackio"))
"""
