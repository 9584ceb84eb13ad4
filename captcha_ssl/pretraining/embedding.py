"""Figures of embeddings without labels: pure functions of tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_RIDGE = 1e-2
"""Added to the covariance of the place probe, in variances of a feature."""


def deviation(embeddings: Tensor) -> float:
    """How far embeddings `[N, D]` of unit length spread, per dimension and times √D, 0…1.

    0 means that all are the same vector, 1 that they fill the sphere evenly (Chen & He, SimSiam
    2021, Fig. 2, which compares with 1/√D).
    """
    unit = F.normalize(embeddings.double(), dim=1)
    return float(unit.std(0, correction=0).mean() * unit.shape[1] ** 0.5)


def effective_rank(embeddings: Tensor) -> float:
    """exp of the entropy of the shares of the singular values of centered `[N, D]`, 1…D.

    Roy & Vetterli, The effective rank (EUSIPCO 2007), definition 1. Equal vectors have 1.
    """
    centered = embeddings.double() - embeddings.double().mean(0)
    values = torch.linalg.svdvals(centered)
    shares = values / values.sum().clamp_min(1e-12)
    return float(torch.special.entr(shares).sum().exp())


def alignment(one: Tensor, other: Tensor) -> float:
    """Mean squared distance, 0…4, between the unit vectors of two views `[N, D]` (row by row).

    Wang & Isola, Alignment and Uniformity (ICML 2020), with α = 2.
    """
    a, b = F.normalize(one.double(), dim=1), F.normalize(other.double(), dim=1)
    return float((a - b).square().sum(1).mean())


def uniformity(embeddings: Tensor) -> float:
    """log of the mean of exp(−2 · squared distance) over pairs of unit vectors `[N, D]`, −8…0.

    Wang & Isola 2020 with t = 2: the lower, the more evenly they are spread.
    """
    unit = F.normalize(embeddings.double(), dim=1)
    squared = torch.pdist(unit).square()
    return float(squared.mul(-2).exp().mean().log())


def place_accuracy(windows: Tensor) -> float:
    """How often a linear layer predicts the place of a window, from embeddings `[B, places, D]`.

    The layer is that of linear discriminant analysis (Fisher 1936), fitted to the even images and
    judged on the odd ones; chance is 1/places. A rate far above that of an untrained encoder means
    that the encoder has learned places.
    """
    fitted, judged = windows[::2].double(), windows[1::2].double()
    mean, spread = fitted.mean((0, 1)), fitted.std((0, 1), correction=0).clamp_min(1e-9)
    x, y = ((part - mean) / spread for part in (fitted, judged))
    centers = x.mean(0)
    within = (x - centers).flatten(0, 1)
    ridge = _RIDGE * torch.eye(x.shape[2], dtype=x.dtype, device=x.device)
    weights = torch.linalg.solve(within.T @ within / len(within) + ridge, centers.T)
    scores = y @ weights - (centers * weights.T).sum(1) / 2
    told = scores.argmax(2)
    return float((told == torch.arange(told.shape[1], device=told.device)).double().mean())
