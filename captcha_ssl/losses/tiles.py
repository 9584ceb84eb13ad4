"""Sums over all pairs of a batch in tiles: one tile on a GPU, cache-sized ones on a CPU."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LARGEST_EXPONENT = 40.0
"""exp(±40), and sums of exp(40) over any batch, are normal float32 numbers."""
_CPU_SIDE = 512
"""A tile of 1 MB stays in the cache for its product, its exponential and its sums."""
_SHARE_OF_MEMORY = 1 / 32
_BYTES = 4


def tile_side(device: torch.device) -> int:
    """Rows of a square tile: on a GPU as many as fill 1/32 of its memory, elsewhere 512.

    An 80 GB GPU gives about 25,000, so that one tile is enough up to a batch of 4,000 with three
    crops per image. The total memory counts, not the free part, so that a resumed run adds up in
    the same order.
    """
    if device.type != "cuda":
        return _CPU_SIDE
    return math.isqrt(int(_memory(device) * _SHARE_OF_MEMORY / _BYTES))


@lru_cache(maxsize=16)
def _memory(device: torch.device) -> int:
    return int(torch.cuda.get_device_properties(device).total_memory)


def mean_log_sum(z: Tensor, temperature: float, side: int) -> Tensor:
    """1/M · Σ_i log Σ_{k≠i} exp(z_i·z_k / τ) of unit vectors `[M, D]`, M ≥ 2, as a scalar.

    Up to `side` rows the pairs are one matrix, kept for the backward pass. Beyond that they are
    taken in square tiles `side` rows wide. The matrix is symmetric: the sums of a tile along its
    columns are those of the mirrored rows, so only tiles on and above the diagonal are computed. No
    tile is kept: the backward pass computes each one again. Memory grows with M·D + side².
    Differentiable once; in the type of `z`.
    """
    # Above this τ every exponential is a normal number without subtracting the maximum.
    plain = 1 / temperature <= _LARGEST_EXPONENT
    rule: Any = _OwnMaxima if not plain else _Matrix if len(z) <= side else _Tiles
    mean: Tensor = rule.apply(z, temperature, side)
    return mean


class _Matrix(torch.autograd.Function):
    """All pairs at once, with as few operations as possible."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, temperature: float, side: int) -> Tensor:
        weights = ((z / temperature) @ z.T).exp_().fill_diagonal_(0)
        sums = weights.sum(1)
        ctx.temperature = temperature
        ctx.save_for_backward(z, sums, weights)
        return sums.log().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        z, sums, weights = ctx.saved_tensors
        shares = sums.reciprocal()[:, None]
        # Row i takes w_ik · (share_i + share_k) · z_k: one product for both terms.
        own, theirs = (weights @ torch.cat([z, z * shares], 1)).chunk(2, 1)
        gradient = torch.addcmul(theirs, own, shares)
        return gradient.mul_(upstream / (len(z) * ctx.temperature)), None, None


class _Tiles(torch.autograd.Function):
    """One exponential serves a row and its mirrored column."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, temperature: float, side: int) -> Tensor:
        ctx.temperature, ctx.side = temperature, side
        sums = z.new_zeros(len(z))
        for rows, columns, tile in _tiles(z, temperature, side):
            weights = tile.exp_()
            sums[rows] += weights.sum(1)
            if rows != columns:
                sums[columns] += weights.sum(0)
        ctx.save_for_backward(z, sums)
        return sums.log().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        z, sums = ctx.saved_tensors
        shares, gradient = sums.reciprocal(), torch.zeros_like(z)
        for rows, columns, tile in _tiles(z, ctx.temperature, ctx.side):
            weights = tile.exp_()
            weights.mul_(shares[rows, None] + shares[columns])
            _add_pulls(gradient, z, rows, columns, weights)
        return gradient.mul_(upstream / (len(z) * ctx.temperature)), None, None


class _OwnMaxima(torch.autograd.Function):
    """Every row is scaled by its largest logit so far, which is updated for each tile."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, temperature: float, side: int) -> Tensor:
        ctx.temperature, ctx.side = temperature, side
        logs = z.new_full((len(z),), -torch.inf)
        for rows, columns, tile in _tiles(z, temperature, side):
            logs[rows] = torch.logaddexp(logs[rows], tile.logsumexp(1))
            if rows != columns:
                logs[columns] = torch.logaddexp(logs[columns], tile.logsumexp(0))
        ctx.save_for_backward(z, logs)
        return logs.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        z, logs = ctx.saved_tensors
        gradient = torch.zeros_like(z)
        for rows, columns, tile in _tiles(z, ctx.temperature, ctx.side):
            weights = (tile - logs[rows, None]).exp_()
            weights += tile.sub_(logs[columns]).exp_()
            _add_pulls(gradient, z, rows, columns, weights)
        return gradient.mul_(upstream / (len(z) * ctx.temperature)), None, None


def _tiles(z: Tensor, temperature: float, side: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Rows, columns and logits of the tiles on and above the diagonal, without self-pairs."""
    blocks = [slice(first, first + side) for first in range(0, len(z), side)]
    for place, rows in enumerate(blocks):
        scaled = z[rows] / temperature
        for columns in blocks[place:]:
            tile = scaled @ z[columns].T
            if rows == columns:
                tile.fill_diagonal_(-torch.inf)
            yield rows, columns, tile


def _add_pulls(gradient: Tensor, z: Tensor, rows: slice, columns: slice, weights: Tensor) -> None:
    """Add the gradients of a tile to its rows and to its mirrored rows; `weights` is symmetric."""
    gradient[rows] += weights @ z[columns]
    if rows != columns:
        gradient[columns] += weights.T @ z[rows]
