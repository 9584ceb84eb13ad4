from __future__ import annotations

from pathlib import Path
from shutil import rmtree

import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.training.loop import train
from captcha_ssl.training.meter import StepReport
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings


class Line(nn.Module):
    """Fits y = 3x + 1 from noisy points; turns to NaN after `fails_at` calls."""

    def __init__(self, fails_at: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(1, 1)
        self.fails_at, self.calls, self.stepped = fails_at, 0, 0

    def forward(self, batch: Tensor, progress: float) -> dict[str, Tensor]:
        self.calls += 1
        y = 3 * batch + 1 + torch.randn_like(batch) * 0.01
        loss = (self.layer(batch) - y).square().mean()
        return {"loss": loss * torch.nan if self.calls == self.fails_at else loss}

    def after_step(self, progress: float) -> None:
        self.stepped += 1


POINTS = torch.linspace(-1, 1, 20)[:, None]
LOOP = LoopSettings(
    batch_size=5, lr=0.1, weight_decay=0.0, log_every=10, checkpoint_every=25, device="cpu"
)


def _train(
    task: Line, steps: int, run: RunDirectory | None = None, loop: LoopSettings = LOOP
) -> list[dict[str, float]]:
    groups = [{"params": list(task.parameters()), "lr": loop.lr}]
    return train(task, groups, lambda i: POINTS[i], len(POINTS), steps, loop, run=run)


def test_metrics_of_a_run_killed_before_its_first_state_are_not_doubled(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    run.metric(10, {"loss": 9.0})
    history = _train(Line(), 20, run)
    assert run.metrics() == history
    assert [row["step"] for row in history] == [10, 20]


def test_a_run_whose_folder_vanished_stops_and_does_not_recreate_it(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    rmtree(run.path)
    with pytest.raises(FileNotFoundError):
        _train(Line(), 25, run)
    assert not run.path.exists()


def test_the_loop_finds_the_known_answer() -> None:
    task = Line()
    history = _train(task, 200)
    assert task.layer.weight.item() == pytest.approx(3, abs=0.05)
    assert task.layer.bias.item() == pytest.approx(1, abs=0.05)
    assert [row["step"] for row in history] == list(range(10, 201, 10))
    assert task.stepped == 200


def test_figures_are_means_over_the_logged_interval() -> None:
    fine = train(
        task := Line(),
        [{"params": list(task.parameters()), "lr": 0.1}],
        lambda i: POINTS[i],
        20,
        10,
        LoopSettings(batch_size=5, log_every=1, weight_decay=0.0, device="cpu"),
    )
    coarse = train(
        task := Line(),
        [{"params": list(task.parameters()), "lr": 0.1}],
        lambda i: POINTS[i],
        20,
        10,
        LoopSettings(batch_size=5, log_every=10, weight_decay=0.0, device="cpu"),
    )
    assert coarse[0]["loss"] == pytest.approx(sum(r["loss"] for r in fine) / 10, rel=1e-5)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(
    tmp_path: Path,
) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    with pytest.raises(UserError, match=r"not finite .*step 40"):
        _train(Line(fails_at=37), 100, run)
    task = Line()
    _train(task, 26, run)
    assert task.calls == 1, "the run continues from the state of step 25"
    assert all(p.isfinite().all() for p in task.parameters())


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    _train(Line(), 30, run)
    again = Line()
    history = _train(again, 30, run)
    assert again.calls == 0
    assert history == run.metrics()
    assert len(history) == 3


def test_observers_see_every_logged_step() -> None:
    seen: list[StepReport] = []
    task = Line()
    groups = [{"params": list(task.parameters()), "lr": 0.1}]
    train(task, groups, lambda i: POINTS[i], 20, 25, LOOP, observe=seen.append)
    assert [p.step for p in seen] == [10, 20, 25]
    assert all(p.steps == 25 and p.images_per_second > 0 for p in seen)


def test_observers_get_the_effective_rank_where_it_was_measured() -> None:
    seen: list[StepReport] = []
    task = Line()
    train(
        task,
        [{"params": list(task.parameters()), "lr": 0.1}],
        lambda i: POINTS[i],
        20,
        20,
        LOOP,
        observe=seen.append,
        inspect=lambda step: {"effective_rank": 7.0, "deviation": 0.5} if step == 20 else {},
    )
    assert [p.figures.get("effective_rank") for p in seen] == [None, 7.0]
    assert all("deviation" not in p.figures for p in seen)


def test_deterministic_algorithms_are_on_only_during_training() -> None:
    class Watching(Line):
        def forward(self, batch: Tensor, progress: float) -> dict[str, Tensor]:
            seen.append(torch.are_deterministic_algorithms_enabled())
            return super().forward(batch, progress)

    seen: list[bool] = []
    asked = _train(Watching(), 10, loop=LOOP.replace(deterministic=True))
    assert seen == [True] * 10
    assert not torch.are_deterministic_algorithms_enabled()
    assert asked == _train(Watching(), 10)
    assert seen[10:] == [False] * 10
