from __future__ import annotations

import torch
from torch import nn

from captcha_ssl.models.momentum import follow, slow_copy


def test_a_momentum_copy_is_equal_separate_and_not_trained() -> None:
    fast = nn.Linear(3, 2)
    slow = slow_copy(fast)
    assert torch.equal(slow.weight, fast.weight)
    assert slow.weight.data_ptr() != fast.weight.data_ptr()
    assert fast.weight.requires_grad
    assert not any(parameter.requires_grad for parameter in slow.parameters())


def test_following_mixes_by_the_momentum() -> None:
    fast = nn.Linear(1, 1)
    slow = slow_copy(fast)
    nn.init.constant_(slow.weight, 2.0)
    nn.init.constant_(fast.weight, 4.0)
    follow(slow, fast, 0.75)
    assert slow.weight.item() == 2.5
    follow(slow, fast, 1.0)
    assert slow.weight.item() == 2.5
    follow(slow, fast, 0.0)
    assert slow.weight.item() == fast.weight.item() == 4.0
