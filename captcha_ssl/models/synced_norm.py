"""Batch normalization by the statistics of all ranks' batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from captcha_ssl.models.ranks import total, world_size
from captcha_ssl.models.split_norm import SplitBatchNorm


class SyncedBatchNorm(_BatchNorm):
    """The computation of torch's SyncBatchNorm, which supports only GPUs, for any device.

    The state is that of BatchNorm, and so is evaluation.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or world_size() == 1:
            return super().forward(input)
        dims = [0, *range(2, input.dim())]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        x = input if input.dtype == torch.float64 else input.float()
        count = total(x.new_tensor(float(x.numel() // x.shape[1])))
        mean = total(x.sum(dims)) / count
        centered = x - mean.view(shape)
        variance = total((centered**2).sum(dims)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        normal = centered * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        share = self.momentum
        if share is None:
            # Only a plain mean needs the counter; with a momentum it stays, as in `norm`.
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions is fine."""


def synchronize_norms(module: nn.Module, device: torch.device) -> None:
    """Replace every batch normalization inside `module`, except SplitBatchNorm."""
    for name, child in module.named_children():
        if isinstance(child, SplitBatchNorm):
            continue
        if isinstance(child, _BatchNorm):
            setattr(module, name, _synced(child, device))
        else:
            synchronize_norms(child, device)


def _synced(norm: _BatchNorm, device: torch.device) -> nn.Module:
    if device.type == "cuda":
        found: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call]
        return found
    synced = SyncedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine)
    synced.load_state_dict(norm.state_dict())
    # A momentum copy stays frozen.
    for mine, theirs in zip(synced.parameters(), norm.parameters(), strict=True):
        mine.requires_grad_(theirs.requires_grad)
    return synced.to(device)
