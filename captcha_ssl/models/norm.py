"""Batch normalization without a counter of batches."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Uncounted(_BatchNorm):
    """torch's BatchNorm without its counter of batches, which only cumulative averages need.

    Each counter is one operation per pass: 26 in a step of SimCLR. The state is that of BatchNorm.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.momentum is None:
            return super().forward(input)
        self._check_input_dim(input)  # type: ignore[no-untyped-call]
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            True,
            self.momentum,
            self.eps,
        )


class BatchNorm1d(_Uncounted, nn.BatchNorm1d):
    """Of `[N, C]` or `[N, C, L]`."""


class BatchNorm2d(_Uncounted, nn.BatchNorm2d):
    """Of `[N, C, H, W]`."""
