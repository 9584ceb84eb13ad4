"""The curves of a run, read back as TensorBoard reads them."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.training.loop import train
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.training.tensorboard import FOLDER

POINTS = torch.linspace(-1, 1, 20)[:, None]
LOOP = LoopSettings(batch_size=5, log_every=10, checkpoint_every=25, device="cpu", tensorboard=True)


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


def test_what_is_drawn_is_what_was_measured(tmp_path: Path) -> None:
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


def test_nothing_is_drawn_unasked(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    _train(Square(), run, LOOP.replace(tensorboard=False))
    assert not (run.path / FOLDER).exists()


def test_without_the_package_the_message_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def lacking(name: str, *rest: Any, **named: Any) -> Any:
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(UserError, match=r"pip install 'captcha-ssl\[tensorboard\]'"):
        _train(Square(), RunDirectory.create(tmp_path / "run", ""))
