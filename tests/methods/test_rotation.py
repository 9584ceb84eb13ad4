from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor

from captcha_ssl.methods.rotation import TURNS, Rotation, RotationSettings
from captcha_ssl.models.encoder import build_encoder

Draw = Callable[[], Tensor]


def _rotation(**changed: Any) -> Rotation:
    torch.manual_seed(0)
    return Rotation(build_encoder("tiny", 1, 32), RotationSettings(**changed))


@pytest.mark.parametrize("turns", TURNS)
def test_the_turn_of_pure_noise_cannot_be_guessed(
    turns: str, noise: Draw, guess: Any, chance: Any
) -> None:
    classes = len(TURNS[turns])
    accuracies = guess("rotation", RotationSettings(turns=turns), noise, 30)
    assert fmean(accuracies) == chance(classes, 30 * 16 * 2 * classes)


@pytest.mark.slow
@pytest.mark.parametrize("turns", TURNS)
def test_the_turn_of_digits_can_be_learned(turns: str, digits: Draw, guess: Any) -> None:
    accuracies = guess("rotation", RotationSettings(turns=turns), digits, 60)
    assert fmean(accuracies[-20:]) > 1 / len(TURNS[turns]) + 0.1


def test_windows_are_cut_at_random_places_in_both_directions() -> None:
    """On a slope the mean of a window tells where it was cut."""
    down = torch.arange(32, dtype=torch.uint8)[:, None].expand(32, 96)
    across = torch.arange(96, dtype=torch.uint8).expand(32, 96)
    for slope in (down, across):
        windows = _rotation().windows(slope.expand(32, 1, 32, 96))
        assert windows.shape == (64, 1, 32, 32)
        assert windows.mean((1, 2, 3)).unique().numel() > 5


def test_a_window_repeats_no_edge_even_in_a_narrow_image() -> None:
    slope = torch.arange(20, dtype=torch.uint8).expand(4, 1, 32, 20)
    window = _rotation().windows(slope)
    # Enlarging clamps half a pixel at each edge; a repeated column would make a longer plateau.
    assert (window.diff(dim=3)[..., 1:-1] > 0).all()


def test_every_turn_of_a_window_is_in_the_batch() -> None:
    method = _rotation(rotation_windows=1)
    seen: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    method(torch.randint(0, 256, (4, 1, 32, 64), dtype=torch.uint8), 0.0)
    upright, quarter, half, three = seen[0].chunk(4)
    assert torch.equal(quarter, torch.rot90(upright, 1, (2, 3)))
    assert torch.equal(half, upright.flip(2, 3))
    assert torch.equal(three, quarter.flip(2, 3))
