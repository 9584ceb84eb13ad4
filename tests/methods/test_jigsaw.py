from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.methods.jigsaw import Jigsaw, JigsawSettings, distant_orders
from captcha_ssl.models.encoder import build_encoder

Draw = Callable[[], Tensor]


def _jigsaw(**changed: Any) -> Jigsaw:
    torch.manual_seed(0)
    return Jigsaw(build_encoder("tiny", 1, 32), JigsawSettings(**changed))


def test_the_order_of_pure_noise_cannot_be_guessed(noise: Draw, guess: Any, chance: Any) -> None:
    accuracies = guess("jigsaw", JigsawSettings(pieces=3, orders=6), noise, 60)
    assert fmean(accuracies) == chance(6, 60 * 16)


@pytest.mark.slow
def test_the_order_of_digits_can_be_learned(digits: Draw, guess: Any) -> None:
    accuracies = guess("jigsaw", JigsawSettings(pieces=3, orders=6), digits, 60)
    assert fmean(accuracies[-20:]) > 1 / 6 + 0.15


@pytest.mark.parametrize("width", [64, 88, 161])
def test_pieces_lie_inside_the_image_and_keep_apart(width: int) -> None:
    lefts, piece = _jigsaw().places(500, width, torch.device("cpu"))
    assert piece % 4 == 0
    assert lefts.min() >= 0
    assert lefts.max() + piece <= width
    assert (lefts[1:] - lefts[:-1] - piece).min() >= 4
    assert all(left.unique().numel() > 2 for left in lefts)


def test_the_head_sees_the_pieces_in_the_order_it_must_name() -> None:
    method = _jigsaw(pieces=3, orders=6).eval()
    seen: list[Tensor] = []
    method.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.randint(0, 256, (1, 1, 32, 96), dtype=torch.uint8).expand(40, -1, -1, -1)
    method.settings = JigsawSettings(pieces=3, orders=6, piece_gap=0, piece_jitter=0)
    method(images, 0.0)
    # 96 pixels in 3 parts of 32 leave no room: every image has the same three pieces.
    rows = seen[0].view(40, 3, -1)
    assert len({tuple(row) for row in rows.flatten(0, 1).round(decimals=3).tolist()}) == 3
    assert len({tuple(row) for row in rows.flatten(1).round(decimals=3).tolist()}) == 6


def test_orders_are_distinct_and_far_apart() -> None:
    orders = distant_orders(4, 6)
    assert orders[0] == (0, 1, 2, 3)
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    apart = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in combinations(orders, 2)]
    assert min(apart) >= 3
    assert len(set(distant_orders(4, 24))) == 24


def test_more_orders_than_there_are_is_an_error() -> None:
    with pytest.raises(UserError, match="3 pieces have 6 orders"):
        distant_orders(3, 7)


def test_images_too_narrow_for_the_pieces_are_refused() -> None:
    _jigsaw().check(torch.zeros(2, 1, 32, 56))
    with pytest.raises(UserError, match="55 pixels wide are too narrow for 4 pieces"):
        _jigsaw().check(torch.zeros(2, 1, 32, 55))


def test_the_preview_shows_the_order_that_is_named() -> None:
    method = _jigsaw(pieces=3, orders=6)
    images = torch.randint(0, 256, (20, 1, 32, 96), dtype=torch.uint8)
    torch.manual_seed(5)
    mixed, true = method.preview(images).values()
    torch.manual_seed(5)
    pieces, order = method.puzzle(images)
    assert torch.equal(true[..., :24], pieces[0])
    assert torch.equal(true[..., -24:], pieces[2])
    for image, named in enumerate(method.orders[order].tolist()):
        for place, piece in enumerate(named):
            left = place * (24 + 2)
            assert torch.equal(mixed[image, ..., left : left + 24], pieces[piece, image])
