"""Recomputes the evaluation statistics of batch normalization from unaugmented images."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from captcha_ssl.models.encoder import Encoder, standardize


@torch.no_grad()
def set_batch_statistics(encoder: Encoder, batches: Iterable[Tensor]) -> None:
    """Set the batch statistics of `encoder` to the mean over uint8 batches `[B, C, H, W]`.

    In pretraining the encoder may see only crops, pieces or masked images.
    """
    norms = [module for module in encoder.modules() if isinstance(module, _BatchNorm)]
    momenta, training = [norm.momentum for norm in norms], encoder.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    encoder.train()
    for batch in batches:
        encoder(standardize(batch))
    encoder.train(training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def with_batch_statistics(encoder: Encoder, images: Tensor) -> Encoder:
    """A copy in evaluation mode with the batch statistics of uint8 `[B, C, H, W]`."""
    look = copy.deepcopy(encoder)
    set_batch_statistics(look, [images])
    return look.eval()
