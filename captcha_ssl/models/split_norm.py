"""Batch normalization over parts of a batch, like on several devices."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SplitBatchNorm(_BatchNorm):
    """Normalizes each of up to `splits` equal parts of the batch by its own statistics.

    If a query and its key share batch statistics, these reveal the match (He et al., MoCo 2020,
    §3.3). Parts hold at least two rows. The state is that of BatchNorm, and so is evaluation.
    """

    def __init__(self, norm: _BatchNorm, splits: int) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        self.splits = splits
        self.load_state_dict(norm.state_dict())

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        parts = input.tensor_split(max(1, min(self.splits, len(input) // 2)))
        return torch.cat([super(SplitBatchNorm, self).forward(part) for part in parts])

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions is fine."""


def split_batch_norm(module: nn.Module, splits: int) -> None:
    """Replace every batch normalization inside `module` by one over `splits` parts."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, SplitBatchNorm(child, splits))
        else:
            split_batch_norm(child, splits)
