from __future__ import annotations

import pytest
import torch

from captcha_ssl.errors import UserError
from captcha_ssl.training.device import resolve_device, resolve_precision

CPU = torch.device("cpu")


def test_auto_finds_a_device_that_works() -> None:
    assert torch.ones(2, device=resolve_device("auto")).sum().item() == 2


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "xla", ""])
def test_an_absent_or_unknown_device_is_an_error(name: str) -> None:
    with pytest.raises(UserError, match="--device"):
        resolve_device(name)


def test_precision_is_the_requested_one() -> None:
    assert resolve_precision("fp32", CPU) is torch.float32
    assert resolve_precision("bf16", CPU) is torch.bfloat16
    assert resolve_precision("auto", CPU) in (torch.float32, torch.bfloat16)
