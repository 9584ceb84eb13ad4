"""InfoNCE in tiles against the whole matrix."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from captcha_ssl.losses import infonce as module
from captcha_ssl.losses import tiles
from captcha_ssl.losses.infonce import infonce
from captcha_ssl.losses.tiles import mean_log_sum

TEMPERATURES = [0.01, 0.02, 0.03, 0.1, 0.5, 1.0]


def _unit(count: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return F.normalize(z, dim=1)


def _whole(z: Tensor, temperature: float) -> Tensor:
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return logits.logsumexp(1).mean()


def _with_gradient(function: Any, z: Tensor, *args: Any) -> tuple[Tensor, Tensor]:
    leaf = z.clone().requires_grad_()
    value = function(leaf, *args)
    (gradient,) = torch.autograd.grad(3 * value, leaf)
    return value.detach(), gradient


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("side", [1, 5, 16, 37, 64])
def test_tiles_equal_the_whole_matrix_whatever_their_size(temperature: float, side: int) -> None:
    z = _unit(37, 6)
    value, gradient = _with_gradient(mean_log_sum, z, temperature, side)
    wanted, slope = _with_gradient(_whole, z, temperature)
    assert torch.allclose(value, wanted, rtol=1e-10)
    assert torch.allclose(gradient, slope, rtol=1e-6, atol=1e-8)


@given(st.integers(2, 40), st.integers(1, 12), st.integers(1, 50), st.floats(0.01, 1.0))
def test_any_count_width_and_tile(count: int, width: int, side: int, temperature: float) -> None:
    z = _unit(count, width, seed=count)
    assert torch.allclose(
        mean_log_sum(z, temperature, side), _whole(z, temperature), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("temperature", [0.02, 0.3])
def test_gradcheck(temperature: float) -> None:
    z = _unit(9, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: mean_log_sum(x, temperature, 4), (z,))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_row_far_from_all_others_is_finite_in_float32(temperature: float) -> None:
    z = F.normalize(torch.cat([torch.ones(6, 3), -torch.ones(1, 3)]), dim=1)
    value, gradient = _with_gradient(mean_log_sum, z, temperature, 3)
    assert torch.allclose(value, _whole(z.double(), temperature).float(), rtol=1e-5)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_loss_of_a_large_batch_is_that_of_the_matrix(
    monkeypatch: pytest.MonkeyPatch, temperature: float
) -> None:
    a, b = torch.randn(2, 33, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def both() -> tuple[Tensor, Tensor]:
        return _with_gradient(lambda x: infonce(x, b, temperature), a)

    wanted, slope = both()
    monkeypatch.setattr(module, "tile_side", lambda device: 10)
    value, gradient = both()
    assert torch.allclose(value, wanted, rtol=1e-9)
    assert torch.allclose(gradient, slope, rtol=1e-6, atol=1e-9)


class _Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation makes, and counts those that compute."""

    def __init__(self) -> None:
        super().__init__()
        self.numel = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.operations += not func.is_view
        if isinstance(made, Tensor):
            self.numel = max(self.numel, made.numel())
        return made


def test_no_tensor_of_all_pairs_is_made_on_a_cpu() -> None:
    side = tiles.tile_side(torch.device("cpu"))
    a, b = torch.randn(2, 2 * side, 16)
    a.requires_grad_()
    with _Largest() as largest:
        infonce(a, b, 0.1).backward()
    assert largest.numel <= side**2
    assert a.grad is not None and a.grad.isfinite().all()


def test_on_a_gpu_a_batch_of_a_thousand_is_one_tile_and_40_operations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiles, "_memory", lambda device: 80 * 10**9)
    side = tiles.tile_side(torch.device("cuda"))
    assert 20_000 < side < 30_000
    # The same operations whatever the size, as long as it is one tile.
    monkeypatch.setattr(module, "tile_side", lambda device: side)
    a, b = torch.randn(2, 64, 16)
    a.requires_grad_()
    b.requires_grad_()
    with _Largest() as largest:
        infonce(a, b, 0.1).backward()
    assert largest.operations <= 40
