from __future__ import annotations

import pytest
import torch
from torch import nn

from captcha_ssl.models.norm import BatchNorm1d, BatchNorm2d


@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [(BatchNorm1d, nn.BatchNorm1d, (6, 3)), (BatchNorm2d, nn.BatchNorm2d, (6, 3, 4, 5))],
)
def test_it_is_batch_normalization_without_the_counter(
    ours: type[nn.Module], theirs: type[nn.Module], shape: tuple[int, ...]
) -> None:
    mine, other, images = ours(3), theirs(3), torch.randn(shape) * 3 + 1
    for norm in (mine, other):
        norm.train()
    for _ in range(2):
        assert torch.equal(mine(images), other(images))
    state, wanted = mine.state_dict(), other.state_dict()
    assert list(state) == list(wanted)
    assert int(state.pop("num_batches_tracked")) == 0
    assert all(torch.equal(value, wanted[name]) for name, value in state.items())
    assert torch.equal(mine.eval()(images), other.eval()(images))
