"""A step that is recorded once and replayed is the step that Python goes through each time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.gpu.method_step import build, noise
from captcha_ssl.methods import byol, dig, moco
from captcha_ssl.methods.registry import METHODS
from captcha_ssl.models.momentum import follow
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.models.task import Progress, Task
from captcha_ssl.training import captured_step, compiled_task, loop
from captcha_ssl.training.captured_step import REHEARSALS
from captcha_ssl.training.loop import train
from captcha_ssl.training.meter import StepReport
from captcha_ssl.training.optimizer import set_learning_rate
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from tests.training.tape import Tape, taped

tapes = pytest.fixture(taped)
LOOP = LoopSettings(
    batch_size=6, lr=3e-3, log_every=2, checkpoint_every=2, device="cpu", precision="fp32"
)


def _train(
    name: str,
    steps: int,
    settings: LoopSettings = LOOP,
    *,
    run: RunDirectory | None = None,
    interrupted_at: int | None = None,
) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    method, images = build(name), noise(name, 20)
    groups = parameter_groups(method, settings.lr, settings.weight_decay)

    def observe(report: StepReport) -> None:
        if report.step == interrupted_at:
            os.kill(os.getpid(), signal.SIGINT)

    history = train(
        method, groups, lambda i: images[i], 20, steps, settings, run=run, observe=observe
    )
    return history, method.state_dict()


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tensors too, rates are rounded to float32, and averages move by the same operations.

    AdamW makes a whole step even of a gradient that is nothing but rounding.
    """

    def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
        set_learning_rate(optimizer, factor)
        for group in optimizer.param_groups:
            if isinstance(group["lr"], float):
                group["lr"] = float(torch.tensor(group["lr"], dtype=torch.float32))

    def follow_by_tensor(slow: nn.Module, fast: nn.Module, share: Progress) -> None:
        follow(slow, fast, torch.as_tensor(share, dtype=torch.float64))

    monkeypatch.setattr(loop, "set_learning_rate", set_rate)
    for module in (byol, dig, moco):
        monkeypatch.setattr(module, "follow", follow_by_tensor)


@pytest.mark.slow
@pytest.mark.usefixtures("alike")
@pytest.mark.parametrize("name", METHODS)
def test_replayed_steps_are_those_of_python(name: str, tapes: list[Tape]) -> None:
    steps = REHEARSALS + 3
    history, wanted = _train(name, steps, LOOP.replace(compile="off"))
    replayed, found = _train(name, steps)
    assert (tapes[-1].rehearsals, tapes[-1].replays) == (REHEARSALS, 3)
    assert replayed == history
    for key, tensor in wanted.items():
        torch.testing.assert_close(found[key], tensor, rtol=0, atol=0, msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["byol", "moco", "gan"])
def test_a_run_resumed_while_steps_are_replayed_is_exact(
    name: str, tapes: list[Tape], tmp_path: Path
) -> None:
    whole, parts = (RunDirectory.create(tmp_path / word, "") for word in ("whole", "parts"))
    _train(name, 8, run=whole)
    with pytest.raises(KeyboardInterrupt):
        _train(name, 8, run=parts, interrupted_at=6)
    assert tapes[-1].replays == 3
    _train(name, 8, run=parts)
    assert "training from step 6 to 8" in (parts.path / "log.txt").read_text()
    assert parts.state_file.read_bytes() == whole.state_file.read_bytes()
    assert parts.metrics() == whole.metrics()


def test_a_momentum_copy_follows_a_number_and_a_tensor_the_same() -> None:
    fast, one, other = (nn.Linear(5, 4) for _ in range(3))
    other.load_state_dict(one.state_dict())
    for progress in (0.0, 0.3, 1.0):
        share = byol.rising_momentum(0.9, progress)
        by_tensor = byol.rising_momentum(0.9, torch.tensor(progress, dtype=torch.float64))
        assert isinstance(by_tensor, Tensor)
        assert by_tensor.item() == pytest.approx(share, rel=1e-12)
        follow(one, fast, share)
        follow(other, fast, by_tensor)
        torch.testing.assert_close(other.weight, one.weight, rtol=1e-6, atol=1e-7)


class Line(Task):
    """Fits y = 3x + 1; what else it does in a step is up to `more`."""

    def __init__(self, more: Callable[[Tensor], object]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.more = nn.Linear(1, 1), more

    def forward(self, batch: Tensor, progress: Progress) -> dict[str, Tensor]:
        loss = (self.layer(batch) - 3 * batch - 1).square().mean()
        self.more(loss)
        return {"loss": loss}


def _fit(more: Callable[[Tensor], object], compile: str = "auto") -> list[dict[str, float]]:
    task, points = Line(more), torch.linspace(-1, 1, 20)[:, None]
    groups = [{"params": list(task.parameters()), "lr": 0.1}]
    return train(task, groups, lambda i: points[i], 20, 10, LOOP.replace(compile=compile))


@pytest.mark.usefixtures("tapes")
def test_a_step_that_waits_for_the_device_is_not_captured_and_still_trains(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = _fit(lambda loss: None)
    assert capsys.readouterr().err == ""
    history = _fit(lambda loss: loss.item())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("captcha-ssl: warning: the step is not captured: ")
    assert "_local_scalar_dense" in line
    assert history == wanted


def test_a_recording_that_fails_costs_no_step(
    tapes: list[Tape], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = _fit(lambda loss: None)

    def fail(tape: Tape, work: object) -> Tensor:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(Tape, "record", fail)
    assert _fit(lambda loss: None) == wanted
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("not captured: operation not permitted when stream is capturing")
    assert tapes[-1].replays == 0


def test_on_a_cpu_nothing_is_captured_by_default() -> None:
    assert not captured_step.on_tensors("auto", torch.device("cpu"))
    assert captured_step.on_tensors("on", torch.device("cpu"))


def test_a_step_that_cannot_be_compiled_is_one_line_and_still_trains(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = _fit(lambda loss: None, compile="off")

    def broken(*given: object) -> None:
        raise RuntimeError("no compiler\nanywhere")

    monkeypatch.setattr(compiled_task, "compiled", partial(compiled_task.compiled, backend=broken))
    history = _fit(lambda loss: None, compile="on")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("captcha-ssl: warning: the step is not compiled: ")
    assert "no compiler" in line
    for row, other in zip(history, wanted, strict=True):
        assert row == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "steps", "device", "expected"),
    [
        ({}, 20_000, "cuda", "on"),
        ({}, 19_999, "cuda", "auto"),
        ({"compile": "off"}, 20_000, "cuda", "off"),
        ({"deterministic": True}, 20_000, "cuda", "auto"),
        ({}, 20_000, "cpu", "auto"),
    ],
)
def test_a_long_training_on_a_gpu_is_compiled_by_default(
    settings: dict[str, Any], steps: int, device: str, expected: str
) -> None:
    asked = LoopSettings(batch_size=1000).replace(**settings)
    found = captured_step.compiled_if_long(asked, steps, torch.device(device))
    assert found.compile == expected
