"""A training on the CTC plateau is found and helped, any other is left alone."""

from __future__ import annotations

import math

import pytest
import torch

from captcha_ssl.config import Given
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.plateau import Plateau, stuck_words

CHARSET = Charset("0123456789")


def weights(losses: list[float], *, at_once: bool = False) -> list[float]:
    plateau = Plateau(CHARSET, at_once=at_once)
    steps = len(losses)
    return [
        plateau.help(torch.tensor(loss), step / steps).item() for step, loss in enumerate(losses)
    ]


def test_a_training_off_the_plateau_is_never_helped() -> None:
    assert weights([2.0] + [1.0] * 10 + [0.5] * 89) == [0.0] * 100


def test_one_on_the_plateau_is_helped_until_it_leaves_and_then_less_and_less() -> None:
    stuck = weights([2.4] * 100)
    assert stuck[:5] == [0.0] * 5 and stuck[5:61] == [1.0] * 56
    assert stuck[76:] == [0.0] * 24, "the last steps are for CTC alone"
    left = weights([2.4] * 12 + [0.4] * 88)
    full = [step for step, weight in enumerate(left) if weight == 1.0]
    assert full[0] == 5 and 12 <= full[-1] <= 16
    assert left[full[-1] :] == sorted(left[full[-1] :], reverse=True)
    assert left[33:] == [0.0] * 67


def test_a_head_that_knows_no_character_is_helped_at_once() -> None:
    assert weights([2.4] * 10 + [0.4] * 90, at_once=True)[0] == 1.0


def test_the_saved_state_includes_the_plateau() -> None:
    begun, resumed = Plateau(CHARSET), Plateau(CHARSET)
    for step in range(30):
        begun.help(torch.tensor(2.4), step / 100)
    resumed.load_state_dict(begun.state_dict())
    assert resumed.helped and begun.helped and not Plateau(CHARSET).helped
    loss = torch.tensor(2.4)
    assert resumed.help(loss, 0.3) == begun.help(loss, 0.3)
    assert math.isfinite(resumed.recent.item())


@pytest.mark.parametrize(
    ("settings", "height", "advised", "not_advised"),
    [
        ({}, 32, ["--init-from shipped", "height=48", "--steps 200"], ["off_plateau"]),
        ({"init_from": "shipped"}, 64, ["label more"], ["--init-from", "height="]),
        # The shipped model has one encoder, and the encoder of a run keeps its height.
        ({"encoder": "tiny"}, 32, ["height=48"], ["--init-from"]),
        ({"init_from": "runs/encoder"}, 32, ["label more"], ["--init-from", "height="]),
        ({"off_plateau": False}, 32, ["off_plateau"], []),
        ({"off_plateau": False, "alignment": 1.0}, 32, [], ["off_plateau", "alignment"]),
    ],
)
def test_only_settings_that_are_off_are_advised(
    settings: dict[str, object], height: int, advised: list[str], not_advised: list[str]
) -> None:
    config = FinetuneConfig().at(Given(flags=settings))
    words = stuck_words(["1", "1"], config, Geometry(1, height, 96), 100)
    assert "every image gets the same output" in words
    assert all(word in words for word in advised), words
    assert not any(word in words for word in not_advised), words
    other = stuck_words(["1", "2"], config, Geometry(1, height, 96), 100)
    assert "same output" not in other
