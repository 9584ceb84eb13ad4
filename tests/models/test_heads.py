from __future__ import annotations

import pytest
import torch
from torch import nn

from captcha_ssl.models.heads import predictor, projector
from captcha_ssl.models.norm import BatchNorm1d
from captcha_ssl.models.parameters import parameter_groups


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_projector_ends_in_a_normalization_without_affine_part(layers: int) -> None:
    head = projector(6, 5, 4, layers)
    assert sum(isinstance(part, nn.Linear) for part in head) == layers
    last = head[-1]
    assert isinstance(last, nn.BatchNorm1d)
    assert not last.affine
    out = head(torch.randn(64, 6))
    assert out.shape == (64, 4)
    assert torch.allclose(out.mean(0), torch.zeros(4), atol=1e-5)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_projector_without_last_normalization_leaves_the_length_free(layers: int) -> None:
    torch.manual_seed(0)
    head = projector(6, 5, 4, layers, last_norm=False)
    last = head[-1]
    assert isinstance(last, nn.Linear)
    assert last.bias is None
    rows = torch.randn(64, 6)
    out = head(rows)
    with torch.no_grad():
        last.weight.mul_(2)
    assert torch.allclose(head(rows), 2 * out, atol=1e-6)


def test_the_predictor_keeps_the_width_and_normalizes_only_inside() -> None:
    head = predictor(6, 3)
    assert head(torch.randn(8, 6)).shape == (8, 6)
    assert [type(part) for part in head] == [nn.Linear, BatchNorm1d, nn.ReLU, nn.Linear]
    assert head[1].num_features == 3


def test_only_matrices_decay() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(3, 4))
    model[2].weight.requires_grad_(False)
    matrices, rest = parameter_groups(model, 0.1, 0.5)
    assert matrices["params"] == [model[0].weight]
    assert (matrices["weight_decay"], rest["weight_decay"]) == (0.5, 0.0)
    assert {p.ndim for p in rest["params"]} == {1}
    assert len(rest["params"]) == 4
