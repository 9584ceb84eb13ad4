from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.byol import BYOLSettings
from captcha_ssl.methods.dig import DiG, DiGSettings
from captcha_ssl.methods.masking import MaskSettings
from captcha_ssl.methods.projection import ProjectorSettings
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.views.settings import ViewSettings

STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))
DEFAULTS = (
    DiGSettings(),
    BYOLSettings(),
    MaskSettings(),
    LossSettings(),
    ProjectorSettings(projector_hidden=16, projector_out=8),
    InstanceSettings(),
    ViewSettings(),
)


class Blank(nn.Module):
    """A decoder that draws nothing."""

    def forward(self, frames: Tensor) -> Tensor:
        return torch.zeros(len(frames), 1, 32, STRIDE * frames.shape[1])


class Pixels(nn.Module):
    """An encoder whose frame is the strip of pixels behind it."""

    dim = 32 * STRIDE

    def forward(self, images: Tensor) -> Tensor:
        return images.unflatten(3, (-1, STRIDE)).permute(0, 3, 1, 2, 4).flatten(2)


def _dig(*changed: Any) -> DiG:
    """Settings in `changed` take the place of the defaults of their class."""
    torch.manual_seed(0)
    settings = (
        next((given for given in changed if isinstance(given, type(default))), default)
        for default in DEFAULTS
    )
    return DiG(build_encoder("tiny", 1, 32), *settings)


def _images(batch: int = 4) -> Tensor:
    torch.manual_seed(1)
    return torch.randint(0, 256, (batch, 1, 32, 96), dtype=torch.uint8)


def _step(method: DiG, seed: int = 2) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return method(_images(), 0.0)


def _look(method: DiG, seed: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    return method._look(_images())


def test_with_jitter_the_other_view_is_cut_elsewhere() -> None:
    still = dict(zip(("view", "seen"), _look(_dig(STILL)), strict=False))
    moved = dict(
        zip(("view", "seen"), _look(_dig(STILL, InstanceSettings(jitter=6))), strict=False)
    )
    hidden = still["seen"] == 0
    assert torch.allclose(still["view"][~hidden], still["seen"][~hidden], atol=1e-5)
    hidden = moved["seen"] == 0
    assert not torch.allclose(moved["view"][~hidden], moved["seen"][~hidden], atol=0.1)


@pytest.mark.parametrize("term", ["pixels", "contrast"])
def test_the_encoder_learns_from_both_terms(term: str) -> None:
    method = _dig()
    for gradient in torch.autograd.grad(_step(method)[term], list(method.encoder.parameters())):
        assert gradient.isfinite().all()
        assert gradient.any()


@pytest.mark.parametrize("weight", [0.0, 0.1, 2.0])
def test_the_contrast_is_added_by_its_weight(weight: float) -> None:
    method = _dig(DiGSettings(contrast_weight=weight))
    figures = _step(method)
    assert torch.allclose(figures["loss"], figures["pixels"] + weight * figures["contrast"])
    figures["loss"].backward()
    learns = [bool(parameter.grad.any()) for parameter in method.predictor.parameters()]
    assert any(learns) == (weight > 0)


def test_the_target_is_neither_differentiated_nor_optimized() -> None:
    method = _dig()
    _step(method)["loss"].backward()
    target = [*method.target_encoder.parameters(), *method.target_projector.parameters()]
    assert all(parameter.grad is None for parameter in target)
    trained = {id(p) for group in parameter_groups(method, 0.1, 0.1) for p in group["params"]}
    assert not trained & {id(parameter) for parameter in target}


def test_the_target_follows_after_the_step() -> None:
    method = _dig(BYOLSettings(target_momentum=0.9))
    before = [p.clone() for p in method.target_encoder.parameters()]
    with torch.no_grad():
        for parameter in method.encoder.parameters():
            parameter.add_(1.0)
    _step(method)
    assert all(map(torch.equal, before, method.target_encoder.parameters()))
    method.after_step(0.5)
    for old, new in zip(before, method.target_encoder.parameters(), strict=True):
        assert torch.allclose(new, old + 0.05, atol=1e-6)


def test_hidden_pixels_reach_the_target_of_the_restoration_alone() -> None:
    """Other pixels under the mask, and all else the same: the contrast does not notice."""
    method = _dig()
    _, seen, _, mask = _look(method)
    before = _step(method)
    assert mask.mean().item() == 11 / 16
    assert not seen[mask.expand_as(seen) == 1].any()
    plain = method.instances.plain
    method.instances.plain = lambda crops: plain(crops) + torch.ones_like(mask).cumsum(3) * mask
    after = _step(method)
    assert torch.equal(after["contrast"], before["contrast"])
    assert not torch.isclose(after["pixels"], before["pixels"])


def _mean_squared_error(drawn: Tensor, plain: Tensor, mask: Tensor, size: int) -> float:
    """Over the hidden blocks, each normalized, block by block in float64."""
    errors = []
    for crop, _, row, column in mask[..., ::size, ::size].nonzero().tolist():
        top, left = row * size, column * size
        place = (crop, 0, slice(top, top + size), slice(left, left + size))
        block, guess = plain[place].double(), drawn[place].double()
        deviation = max(block.var(correction=0).item() ** 0.5, 0.1)
        errors.append(((guess - (block - block.mean()) / deviation) ** 2).mean().item())
    return sum(errors) / len(errors)


def test_the_error_is_that_of_normalized_blocks_where_they_are_hidden() -> None:
    method = _dig(STILL)
    drawn: list[Tensor] = []
    method.decoder.register_forward_hook(lambda _, __, output: drawn.append(output))
    found = _step(method)["pixels"].item()
    plain, _, _, mask = _look(method)
    assert found == pytest.approx(_mean_squared_error(drawn[0], plain, mask, 8), rel=1e-4)


def test_the_target_sees_the_view_of_a_masked_crop_and_the_masked_crop_of_a_view() -> None:
    method = _dig()
    seen: dict[str, list[bool]] = {"encoder": [], "target_encoder": []}
    for name, masked in seen.items():
        method.get_submodule(name).register_forward_pre_hook(
            lambda _, inputs, masked=masked: masked.append(bool((inputs[0] == 0).any()))
        )
    _step(method)
    assert seen == {"encoder": [True, False], "target_encoder": [False, True]}


def test_what_is_contrasted_is_the_same_crop_in_the_same_row() -> None:
    """Pixels for embeddings, still views and little hidden: the nearest key is the own one."""
    method = _dig(STILL, MaskSettings(mask_ratio=0.05))
    method.encoder = method.target_encoder = Pixels()
    method.decoder, method.projector, method.predictor = Blank(), nn.Identity(), nn.Identity()
    method.target_projector = nn.Identity()
    pairs: list[tuple[Tensor, Tensor]] = []

    def loss(a: Tensor, b: Tensor, *, negatives: Tensor | None = None) -> Tensor:
        pairs.append((a, b))
        return a.sum()

    method.loss = loss
    _step(method)
    assert len(pairs) == 2
    for a, b in pairs:
        assert (torch.cdist(a, b).argmin(1) == torch.arange(12)).all()


def test_crops_that_are_no_multiple_of_the_blocks_work_too() -> None:
    method = _dig(InstanceSettings(crop_width=36))
    assert all(part.shape[3] == 36 for part in _look(method))
    assert _step(method)["loss"].isfinite()


def test_the_crops_shown_are_those_that_are_encoded() -> None:
    method = _dig()
    seen: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    _step(method)
    torch.manual_seed(2)
    given, target, _ = method.preview(_images()).values()
    shown = torch.cat([given[..., left : left + 32] for left in (0, 34, 68)])
    encoded = torch.cat([seen[0][..., left : left + 32] for left in (0, 32, 64)])
    order = torch.cdist(shown.flatten(1), encoded.flatten(1)).argmin(1)
    assert order.unique().numel() == 12
    assert torch.equal(encoded[order], shown)
    assert not given[(target != 0) & ~target.isnan()].any()


def test_unusable_settings_are_refused() -> None:
    with pytest.raises(UserError, match="works on crops; set instances=crop"):
        _dig(InstanceSettings(instances="image"))
    with pytest.raises(UserError, match="use 4, 8 or 16"):
        _dig(MaskSettings(mask_size=6))
