"""Sums over all pairs of a batch, tile by tile: the matrix of similarities is never there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_SMALLEST_EXPONENT = 80.0
"""exp(−80) is a normal float32, and exp(−88) is not."""


def mean_log_sum(z: Tensor, temperature: float, side: int) -> Tensor:
    """1/M · Σ_i log Σ_{k≠i} exp(z_i·z_k / τ) of unit vectors `[M, D]`, M ≥ 2, as a scalar.

    The pairs are taken in square tiles `side` rows wide. A tile gives its sums along its rows and,
    the matrix being symmetric, along its columns to the rows that mirror it; what lies below the
    diagonal is not computed, and no tile is kept: the backward pass computes each anew. Memory
    grows with M·D + side². Differentiable once; in the type of `z`.
    """
    # The largest logit is known, 1/τ. Below this τ a row far from all others would vanish.
    known = 2 / temperature <= _SMALLEST_EXPONENT
    rule: Any = _KnownMaximum if known else _OwnMaxima
    mean: Tensor = rule.apply(z, temperature, side)
    return mean


class _KnownMaximum(torch.autograd.Function):
    """exp((z_i·z_k − 1) / τ) serves the row and the column: one exponential for two pairs."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, temperature: float, side: int) -> Tensor:
        ctx.temperature, ctx.side = temperature, side
        sums = z.new_zeros(len(z))
        for rows, columns, tile in _tiles(z, temperature, side):
            weights = _shifted_exponential(tile, temperature)
            sums[rows] += weights.sum(1)
            if rows != columns:
                sums[columns] += weights.sum(0)
        ctx.save_for_backward(z, sums)
        return sums.log().mean() + 1 / temperature

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        z, sums = ctx.saved_tensors
        shares, gradient = sums.reciprocal(), torch.zeros_like(z)
        for rows, columns, tile in _tiles(z, ctx.temperature, ctx.side):
            weights = _shifted_exponential(tile, ctx.temperature)
            weights.mul_(shares[rows, None] + shares[columns])
            _add_pulls(gradient, z, rows, columns, weights)
        return gradient.mul_(upstream / (len(z) * ctx.temperature)), None, None


class _OwnMaxima(torch.autograd.Function):
    """Every row by its own largest logit, which is kept up as the tiles go by."""

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
    """Rows, columns and logits of the tiles on and above the diagonal; of no row with itself."""
    blocks = [slice(first, first + side) for first in range(0, len(z), side)]
    for place, rows in enumerate(blocks):
        scaled = z[rows] / temperature
        for columns in blocks[place:]:
            tile = scaled @ z[columns].T
            if rows == columns:
                tile.fill_diagonal_(-torch.inf)
            yield rows, columns, tile


def _shifted_exponential(tile: Tensor, temperature: float) -> Tensor:
    return tile.sub_(1 / temperature).exp_()


def _add_pulls(gradient: Tensor, z: Tensor, rows: slice, columns: slice, weights: Tensor) -> None:
    """Add what each row of a tile takes from the other side of it; `weights` is symmetric."""
    gradient[rows] += weights @ z[columns]
    if rows != columns:
        gradient[columns] += weights.T @ z[rows]
