"""What every registered method must do, whatever it is."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.losses.registry import LOSSES
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.jigsaw import JigsawSettings
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.moco import MoCoSettings
from captcha_ssl.methods.registry import METHODS, method_class
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.model_file import load_model
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.pretrain import Pretraining
from captcha_ssl.pretraining.settings import PretrainSettings
from captcha_ssl.training.meter import StepReport
from captcha_ssl.training.run_directory import RunDirectory
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.views.settings import gentle_views

# A warning of torch would reach the user.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("error::UserWarning")]

GEOMETRY = Geometry(1, 32, 64)
LOOP = LoopSettings(
    batch_size=8, lr=3e-3, log_every=2, checkpoint_every=3, device="cpu", precision="fp32"
)


def _channels(name: str) -> int:
    return 3 if name == "colorization" else 1


def _pile(count: int = 24, channels: int = 1) -> np.ndarray:
    """Images of dark bars at random places: something to tell apart. In color they are blue."""
    random = np.random.default_rng(0)
    images = np.full((count, channels, 32, 64), 230, np.uint8)
    for image in images:
        for _ in range(6):
            y, x = random.integers(0, 24), random.integers(0, 58)
            image[:2, y : y + random.integers(2, 9), x : x + random.integers(2, 7)] = 20
    return images


def _build(name: str) -> Method:
    torch.manual_seed(0)
    cls = method_class(name)
    encoder = build_encoder("tiny", _channels(name), 32)
    return cls(encoder, *(settings() for settings in cls.settings_classes))


def _learn(
    name: str, out: Path, steps: int, changed: tuple[Any, ...] = (), **options: Any
) -> RunDirectory:
    """Settings in `changed` take the place of the defaults of their class."""
    run = RunDirectory(out)
    out.mkdir(exist_ok=True)
    start = PretrainConfig.of(name)
    config = replace(
        start,
        pretrain=PretrainSettings(method=name, steps=steps),
        loop=LOOP,
        method=tuple(
            next((given for given in changed if isinstance(given, type(part))), part)
            for part in start.method
        ),
    )
    Pretraining(config, _dataset(_pile(channels=_channels(name)))).train(run, **options)
    return run


def _dataset(images: np.ndarray) -> Dataset:
    geometry = Geometry(*images.shape[1:])
    return Dataset(images, None, list(map(str, range(len(images)))), geometry, [])


@pytest.mark.parametrize("name", METHODS)
def test_a_step_gives_a_finite_scalar_loss_and_gradients_everywhere(name: str) -> None:
    method = _build(name)
    figures = method(torch.from_numpy(_pile(8, _channels(name))), 0.0)
    assert all(figure.shape == () and figure.isfinite() for figure in figures.values())
    figures["loss"].backward()
    for parameter in method.encoder.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "loss"),
    [(name, "infonce") for name in METHODS]
    + [(name, loss) for name in ("simclr", "moco") for loss in LOSSES if loss != "infonce"],
)
def test_the_loss_falls(name: str, loss: str, tmp_path: Path) -> None:
    # Few steps are enough for pictures that differ little between views, and a firmer hold on the
    # lengths for n-pair, which otherwise run away from those of the slow key encoder.
    # Three methods are slow to begin.
    steps = 100 if name in ("rotation", "vicreg", "gan") else 60
    easy = (
        gentle_views(),
        LossSettings(loss=loss, mining="hard", l2=0.02),
        MoCoSettings(queue=64),
        JigsawSettings(pieces=3, orders=6),
    )
    losses = [row["loss"] for row in _learn(name, tmp_path / "run", steps, easy).metrics()]
    first, last = fmean(losses[:5]), fmean(losses[-5:])
    assert last < first - 0.15 * abs(first)


@pytest.mark.parametrize("name", METHODS)
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    name: str, tmp_path: Path
) -> None:
    whole = _learn(name, tmp_path / "whole", 8)

    def interrupt(progress: StepReport) -> None:
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _learn(name, tmp_path / "broken", 8, observe=interrupt)
    broken = _learn(name, tmp_path / "broken", 8)
    assert broken.metrics() == whole.metrics()
    assert broken.state_file.read_bytes() == whole.state_file.read_bytes()
    (_, one), (_, two) = load_model(whole.path), load_model(broken.path)
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_an_unknown_method_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="did you mean 'simclr'"):
        method_class("simlcr")


def test_too_few_images_for_a_batch_are_refused() -> None:
    with pytest.raises(UserError, match="4 images do not fill a batch of 8"):
        Pretraining(replace(PretrainConfig.of("simclr"), loop=LOOP), _dataset(_pile(4)))
