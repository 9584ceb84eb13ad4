"""VICReg: views agree, every dimension varies, no two vary together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.losses.precision import full_precision

_EPSILON = 1e-4


@full_precision
def vicreg(
    a: Tensor,
    b: Tensor,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> Tensor:
    """The weighted sum of three terms.

    `a` and `b` are `[N, D]`, row i of both from one instance; N ≥ 2. With variances and covariances
    over the batch (divided by N − 1),

        s(a, b) = 1/ND · Σ (a − b)²
        v(z)    = 1/D · Σ_j max(0, 1 − √(Var z_j + 1e-4))
        c(z)    = 1/D · Σ_i Σ_{j≠i} Cov(z_i, z_j)²
        loss    = λ · s(a, b) + μ · ½(v(a) + v(b)) + ν · (c(a) + c(b))

    (Bardes et al. 2022, eq. 1 to 6, with the factors of the authors' code, 1/D in s and ½ before v,
    which belong to the weights λ, μ, ν = 25, 25, 1). float32 inside.
    """
    spread = 0.5 * (_shortfall(a) + _shortfall(b))
    return (
        invariance * F.mse_loss(a, b)
        + variance * spread
        + covariance * (_covariance(a) + _covariance(b))
    )


def _shortfall(z: Tensor) -> Tensor:
    return (1 - (z.var(0) + _EPSILON).sqrt()).clamp_min(0).mean()


def _covariance(z: Tensor) -> Tensor:
    centered = z - z.mean(0)
    matrix = centered.T @ centered / (len(z) - 1)
    return (matrix - torch.diag(matrix.diagonal())).square().sum() / z.shape[1]
