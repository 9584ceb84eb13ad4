"""The discriminator: judges for every part of an image whether it looks real."""

from __future__ import annotations

from torch import nn

STRIDE = 4
"""Pixels of height and width behind one verdict."""


def build_discriminator(channels: int, width: int) -> nn.Sequential:
    """Float `[B, channels, H, W]` → a verdict for every 4 by 4 pixels, `[B, 1, H / 4, W / 4]`.

    A small PatchGAN (Isola et al. 2017), whose verdicts see 18 by 18 pixels. Normalized per image,
    never per batch: batch statistics must not reveal restored batches.
    """
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
        nn.GroupNorm(4, 2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 2 * width, 3, 1, 1, bias=False),
        nn.GroupNorm(4, 2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 1),
    )
