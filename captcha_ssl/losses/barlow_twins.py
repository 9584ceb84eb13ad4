"""Barlow Twins: the cross-correlation of two views becomes the identity."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.losses.precision import full_precision

_EPSILON = 1e-5


@full_precision
def barlow_twins(a: Tensor, b: Tensor, redundancy: float = 0.005) -> Tensor:
    """Agreement in every dimension, none between dimensions.

    `a` and `b` are `[N, D]`, row i of both from one instance; N ≥ 2. With C the correlation over
    the batch between the dimensions of `a` and those of `b`, `[D, D]`,

        loss = Σ_i (1 − C_ii)² + λ · Σ_i Σ_{j≠i} C_ij²

    (Zbontar et al. 2021, eq. 1 and 2, with λ = `redundancy`). Summed over dimensions; variances
    are floored by 1e-5 as in batch normalization; float32 inside.
    """
    correlation = _standardized(a).T @ _standardized(b) / len(a)
    diagonal = correlation.diagonal()
    between = correlation.square().sum() - diagonal.square().sum()
    return (1 - diagonal).square().sum() + redundancy * between


def _standardized(z: Tensor) -> Tensor:
    variance, mean = torch.var_mean(z, 0, correction=0)
    return (z - mean) * (variance + _EPSILON).rsqrt()
