"""Exchanges data between the processes (ranks) of one training.

With one process every function is the identity or a local one. DistributedDataParallel averages the
gradients of all ranks. The gradients here are scaled for that, so that several ranks learn the same
as one rank from the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """How many ranks train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather(rows: Tensor) -> Tensor:
    """The rows `[N, …]` of all ranks, `[ranks · N, …]`, in the order of the ranks.

    Every rank has the same number of rows. The gradient is that of the sum of all ranks' losses.
    """
    if world_size() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered


def total(values: Tensor) -> Tensor:
    """The sum of `values` over the ranks, with the gradient of the sum of all ranks' losses."""
    if world_size() == 1:
        return values
    summed: Tensor = _Total.apply(values)  # type: ignore[no-untyped-call]
    return summed


@torch.no_grad()
def mean_of_ranks(values: Tensor) -> Tensor:
    """The mean of `values` over the ranks, the same on all of them; without a gradient."""
    return values if world_size() == 1 else _summed(values.detach()) / world_size()


@torch.no_grad()
def from_first(values: Tensor) -> Tensor:
    """The `values` of the first rank, on all of them. Every rank has them in the same shape."""
    if world_size() > 1:
        values = values.clone(memory_format=torch.contiguous_format)
        dist.broadcast(values, 0)
    return values


def own_rows(rows: Tensor) -> Tensor:
    """This rank's part of the rows from `gather`."""
    size = world_size()
    return rows if size == 1 else rows.chunk(size)[dist.get_rank()]


@torch.no_grad()
def shuffled(rows: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The rows shuffled across all ranks, and a function that undoes the shuffle.

    That function takes the results for the rows, `[N, …]` on every rank, and returns the results
    for all ranks' rows, `[ranks · N, …]`, in the order of `gather` (He et al., MoCo 2020, §3.3).
    """
    everyone = gather(rows)
    order = torch.randperm(len(everyone), device=rows.device)
    if world_size() > 1:
        dist.broadcast(order, 0)

    def undo(made: Tensor) -> Tensor:
        return gather(made)[order.argsort()]

    return everyone[own_rows(order)], undo


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return own_rows(_summed(gradient))


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    values = values.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(values)
    return values
