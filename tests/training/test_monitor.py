"""What the monitors say of an encoder during pretraining."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from captcha_ssl.models.encoder import build_encoder, standardize
from captcha_ssl.pretraining.monitor import Monitor, findings, summary

CPU = torch.device("cpu")
SOUND = {
    "deviation": 0.6,
    "effective_rank": 40.0,
    "alignment": 0.3,
    "uniformity": -2.0,
    "place_accuracy": 0.4,
    "place_chance": 0.2,
}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 1, 32, 80), np.uint8)


def test_the_encoder_and_the_random_generator_do_not_change(images: np.ndarray):
    encoder = build_encoder("tiny", 1, 32).train()
    before = copy.deepcopy(encoder.state_dict())
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    Monitor(images, CPU)(encoder)
    assert torch.equal(torch.rand(4), expected)
    assert encoder.training
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


def test_figures_depend_on_the_weights_alone(images: np.ndarray):
    encoder = build_encoder("tiny", 1, 32)
    first = Monitor(images, CPU)(encoder)
    with torch.no_grad():
        encoder.train()(torch.randn(8, 1, 32, 80) * 9)  # moves the running statistics only
    assert Monitor(images, CPU)(encoder.eval()) == first
    assert set(first) == set(SOUND)


def test_a_collapsed_encoder_is_named(images: np.ndarray):
    encoder = build_encoder("tiny", 1, 32)
    nn.init.zeros_(encoder.fold_norm.weight)
    nn.init.ones_(encoder.fold_norm.bias)
    figures = Monitor(images, CPU)(encoder)
    assert figures["deviation"] < 1e-3
    assert findings(figures, encoder.dim)[0].startswith("collapse: all frames look the same")


def test_an_untrained_encoder_is_not_called_collapsed(images: np.ndarray):
    encoder = build_encoder("tiny", 1, 32)
    words = findings(Monitor(images, CPU)(encoder), encoder.dim)
    assert not any("collapse" in word for word in words)


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        ({"effective_rank": 5.0}, "partial collapse"),
        ({"place_accuracy": 0.97}, "shortcut"),
        ({"deviation": 0.01}, "collapse"),
    ],
)
def test_each_problem_is_described(figures: dict[str, float], word: str):
    assert findings(SOUND, 128) == []
    assert [text.split(":")[0] for text in findings(SOUND | figures, 128)] == [word]


@pytest.mark.parametrize(
    ("instances", "advised"), [("window", True), ("image", True), ("crop", False), (None, False)]
)
def test_a_shortcut_is_not_answered_with_settings_that_are_on(instances: str | None, advised: bool):
    (words,) = findings(SOUND | {"place_accuracy": 0.97}, 128, instances)
    assert ("--instances crop" in words) is advised


def test_a_probe_sees_the_encoder_with_the_statistics_of_plain_images(images: np.ndarray):
    seen = []

    def probe(encoder: nn.Module) -> dict[str, float]:
        frames = encoder(standardize(torch.from_numpy(images)))
        seen.append((encoder.training, frames.mean().item()))
        return {"probe_cer": 0.25, "probe_exact_match": 0.5}

    encoder = build_encoder("tiny", 1, 32)
    expected = encoder.train()(standardize(torch.from_numpy(images))).mean().item()
    figures = Monitor(images, CPU, probe)(encoder)
    assert seen[0] == (False, pytest.approx(expected, rel=0.02))
    assert "frozen, it reads 50.0% (CER 25.0%)" in summary(figures)
