from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.methods.patch_location import PatchLocation, PatchLocationSettings
from captcha_ssl.methods.pieces import cut_pieces
from captcha_ssl.models.encoder import build_encoder

Draw = Callable[[], Tensor]


def _patch_location(**changed: Any) -> PatchLocation:
    torch.manual_seed(0)
    return PatchLocation(build_encoder("tiny", 1, 32), PatchLocationSettings(**changed))


@pytest.mark.slow
def test_the_place_in_pure_noise_cannot_be_guessed(noise: Draw, guess: Any, chance: Any) -> None:
    accuracies = guess("patch-location", PatchLocationSettings(), noise, 40)
    assert fmean(accuracies) == chance(4, 40 * 16 * 4)


@pytest.mark.slow
def test_the_place_in_digits_can_be_learned(digits: Draw, guess: Any) -> None:
    accuracies = guess("patch-location", PatchLocationSettings(reach=1), digits, 100)
    assert fmean(accuracies[-40:]) > 1 / 2 + 0.05


@pytest.mark.parametrize("width", [58, 88, 200])
def test_the_class_is_side_and_distance(width: int) -> None:
    one, other, target = _patch_location().places(2000, width, torch.device("cpu"))
    assert min(one.min(), other.min()) >= 0
    assert max(one.max(), other.max()) + 16 <= width
    assert torch.equal(target % 2 == 1, other > one)
    for away in (1, 2):
        distance = (one - other).abs()[target // 2 == away - 1]
        assert distance.unique().tolist() == [20 * away, 20 * away + 1, 20 * away + 2]
    assert target.bincount().tolist() == pytest.approx([500] * 4, abs=100)


def test_each_row_of_the_head_is_a_pair_from_one_image() -> None:
    """Images of one stroke density each: two windows of an image have similar embeddings."""
    method = _patch_location().eval()
    seen: list[Tensor] = []
    method.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    rows = torch.arange(32)[:, None]
    stripes = torch.stack([(rows // size % 2).expand(32, 64) for size in (1, 2, 4, 8)])
    method((stripes * 200).to(torch.uint8)[:, None], 0.0)
    one, other = seen[0].chunk(2, 1)
    assert torch.allclose(one, other, atol=1e-5)
    assert torch.allclose(one[:4], one[4:8], atol=1e-5)
    assert not torch.allclose(one[0], one[1], atol=1e-3)


def test_images_too_narrow_for_the_windows_are_refused() -> None:
    _patch_location().check(torch.zeros(2, 1, 32, 58))
    with pytest.raises(UserError, match="57 pixels wide are too narrow for windows 58 pixels"):
        _patch_location().check(torch.zeros(2, 1, 32, 57))


def test_the_preview_shows_both_windows_where_they_are() -> None:
    method = _patch_location(patch_jitter=0)
    images = torch.randint(0, 256, (6, 1, 32, 96), dtype=torch.uint8)
    torch.manual_seed(5)
    pairs, target = method.preview(images).values()
    torch.manual_seed(5)
    lefts, _ = method.draw(images)
    cut = cut_pieces(images, lefts[:, 0], 16)
    assert torch.equal(pairs[..., :16], cut[0])
    assert torch.equal(pairs[..., -16:], cut[1])
    shown = (target != 0).all(2)[:, 0]
    for columns, (one, other) in zip(shown, lefts[:, 0].T.tolist(), strict=True):
        assert set(columns.nonzero().flatten().tolist()) == {
            *range(one, one + 16),
            *range(other, other + 16),
        }
