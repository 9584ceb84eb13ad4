from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from captcha_ssl.models.pool import AveragePool, mean_of_blocks

LAST = torch.channels_last


@pytest.mark.parametrize("stride", [(2, 2), (2, 1)])
def test_the_reduction_of_a_gpu_is_average_pooling(stride: tuple[int, int]) -> None:
    x = torch.randn(3, 8, 6, 10, dtype=torch.float64).contiguous(memory_format=LAST)
    x.requires_grad_()
    found, expected = mean_of_blocks(x, *stride), F.avg_pool2d(x, stride)
    assert torch.allclose(found, expected)
    assert found.is_contiguous(memory_format=LAST)
    weights = torch.randn_like(expected)
    gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (found, expected)]
    assert torch.allclose(*gradients)


def test_the_border_is_the_mean_of_what_is_left() -> None:
    x = torch.arange(15.0).view(1, 1, 3, 5)
    expected = [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]]
    assert AveragePool((2, 2))(x)[0, 0].tolist() == expected
