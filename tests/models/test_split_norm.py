from __future__ import annotations

import pytest
import torch
from torch import nn

from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.split_norm import SplitBatchNorm, split_batch_norm


def test_every_part_is_normalized_as_if_it_were_the_batch() -> None:
    torch.manual_seed(0)
    images = torch.randn(9, 3, 4, 5)
    parts = [nn.BatchNorm2d(3)(part) for part in images.tensor_split(4)]
    split = SplitBatchNorm(nn.BatchNorm2d(3), 4)
    assert torch.allclose(split(images), torch.cat(parts), atol=1e-6)


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_a_part_never_holds_a_single_row(rows: int) -> None:
    torch.manual_seed(0)
    out = SplitBatchNorm(nn.BatchNorm1d(3), 4)(torch.randn(rows, 3))
    assert (out.abs() > 1e-3).all()


def test_evaluation_and_state_are_those_of_batch_normalization() -> None:
    torch.manual_seed(0)
    encoder = build_encoder("tiny", 1, 32)
    keys, images = list(encoder.state_dict()), torch.randn(4, 1, 32, 32)
    encoder(images)
    wanted = encoder.eval()(images)
    split_batch_norm(encoder, 4)
    assert list(encoder.state_dict()) == keys
    assert not any(type(part) is nn.BatchNorm2d for part in encoder.modules())
    assert torch.equal(encoder.eval()(images), wanted)
    assert not torch.allclose(encoder.train()(images), wanted)
