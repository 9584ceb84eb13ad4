from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.losses.relational import relational_consistency
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.projection import ProjectorSettings
from captcha_ssl.methods.rclstr import LEVELS, RCLSTR, RCLSTRSettings
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.views.settings import ViewSettings

STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))


class Strips(nn.Module):
    """An encoder whose frame is the mean of the strip of pixels behind it, channel by channel."""

    dim = 3

    def forward(self, images: Tensor) -> Tensor:
        return F.avg_pool1d(images.mean(2), STRIDE).transpose(1, 2)


def _rclstr(instances: InstanceSettings | None = None, **settings: Any) -> RCLSTR:
    torch.manual_seed(0)
    return RCLSTR(
        build_encoder("tiny", 3, 32),
        RCLSTRSettings(**settings),
        LossSettings(),
        ProjectorSettings(projector_hidden=16, projector_out=8),
        instances or InstanceSettings(),
        STILL,
    )


def _bare(instances: InstanceSettings | None = None, **settings: Any) -> RCLSTR:
    """Over strips of pixels, and without projectors."""
    method = _rclstr(instances, **settings)
    method.encoder = Strips()
    method.projectors = nn.ModuleDict({level: nn.Identity() for level in LEVELS})
    return method


def _images(batch: int = 6) -> Tensor:
    torch.manual_seed(1)
    return torch.randint(0, 256, (batch, 3, 32, 96), dtype=torch.uint8)


def _named_crops(crops: int, batch: int, width: int) -> Tensor:
    """Crops whose three channels say of which image they are, which crop, and in which strip."""
    view = torch.zeros(crops, batch, 3, 32, width)
    view[:, :, 0] = torch.arange(batch).view(1, -1, 1, 1)
    view[:, :, 1] = torch.arange(crops).view(-1, 1, 1, 1)
    view[:, :, 2] = torch.arange(width) // STRIDE
    return view.flatten(0, 1)


@pytest.mark.parametrize("crops", [1, 2, 3])
def test_the_levels_group_the_crops_of_an_image(crops: int) -> None:
    method = _bare(InstanceSettings(crops=crops, crop_width=32, core=4))
    chosen = torch.rand(crops * 5)
    levels = method.levels(_named_crops(crops, 5, 32), chosen)
    image, crop = torch.arange(5).repeat(crops), torch.arange(crops).repeat_interleave(5)
    # The core is the strips 2 to 5.
    frame = torch.stack([image, crop, 2 + (chosen * 4).long()], 1).float()
    subword = torch.stack([image, crop, torch.full_like(crop, 7) / 2], 1)
    word = torch.tensor([[row, (crops - 1) / 2, 3.5] for row in range(5)])
    assert torch.allclose(levels["frame"], frame)
    assert torch.allclose(levels["subword"], subword)
    assert torch.allclose(levels["word"], word)


def _compared(method: RCLSTR) -> tuple[list[Tensor], list[Tensor], dict[str, Tensor]]:
    """What a step compares at every level, in both views, and its figures."""
    one, two = [], []

    def loss(a: Tensor, b: Tensor, *, negatives: Tensor | None = None) -> Tensor:
        one.append(a)
        two.append(b)
        return a.sum() * len(a)

    method.loss = loss
    return one, two, method(_images(), 0.0)


def test_a_frame_per_crop_is_compared_and_the_same_in_both_views() -> None:
    """Still views of strips are equal, and another frame of the crop would differ."""
    one, two, _ = _compared(_bare())
    assert [len(rows) for rows in one] == [18, 18, 6]
    for a, b in zip(one, two, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert not torch.isclose(one[0], one[1]).any(1).all()


def test_neighboring_levels_of_the_two_views_must_agree() -> None:
    method = _rclstr(consistency_temperature=0.2)
    one, two, figures = _compared(method)
    terms = [
        relational_consistency(a[below].double(), b[above].double(), 0.2)
        for a, b in ((one, two), (two, one))
        for below, above in ((0, 1), (1, 2))
    ]
    assert figures["consistency"].item() == pytest.approx(sum(terms).item() / 4, rel=1e-4)
    assert figures["consistency"] > 0


def test_the_loss_is_the_weighted_mean_of_the_levels_and_the_consistency() -> None:
    figures = _rclstr(frame_weight=2, subword_weight=1, word_weight=0.5, consistency_weight=3)(
        _images(), 0.0
    )
    levels = (2 * figures["frame"] + figures["subword"] + 0.5 * figures["word"]) / 3.5
    assert torch.allclose(figures["loss"], levels + 3 * figures["consistency"])


def test_a_level_without_weight_has_no_effect() -> None:
    method = _rclstr(word_weight=0, consistency_weight=0)
    method(_images(), 0.0)["loss"].backward()
    for level, learns in zip(LEVELS, (True, True, False), strict=True):
        for parameter in method.projectors[level].parameters():
            assert parameter.grad is not None
            assert bool(parameter.grad.any()) == learns


def test_settings_that_leave_nothing_to_learn_are_refused() -> None:
    with pytest.raises(UserError, match="are all 0; raise one"):
        _rclstr(frame_weight=0, subword_weight=0, word_weight=0)
    with pytest.raises(UserError, match="works on crops; set instances=crop"):
        _rclstr(InstanceSettings(instances="window"))
