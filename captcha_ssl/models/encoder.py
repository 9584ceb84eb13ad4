"""The encoder: a residual convolutional network that turns an image into a row of frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.models import frames as frame_count
from captcha_ssl.models.norm import BatchNorm2d
from captcha_ssl.models.pool import AveragePool

WIDTHS: dict[str, tuple[int, int, int, int]] = {
    "tiny": (16, 32, 64, 128),
    "small": (32, 64, 128, 192),
    "base": (64, 128, 256, 384),
}
"""Channels of the stem and the three residual stages, by encoder name."""

VERTICAL_STRIDE = 16


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al. 2016; average-pooled shortcut, ResNet-D)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = BatchNorm2d(outputs)
        self.shortcut = nn.Sequential(
            AveragePool(stride),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(h)) + self.shortcut(x))


class Encoder(nn.Module):
    """Image to frames, left to right in the order of the text.

    Takes float `[B, channels, height, W]`, standardized per image (see `standardize`), for any
    W of at least 8; returns frames `[B, frames(W), dim]`. The height is folded into the last
    convolution, so it is fixed at construction; the width is free.
    """

    def __init__(self, name: str, channels: int, height: int) -> None:
        super().__init__()
        if name not in WIDTHS:
            raise UserError(f"encoder {name!r} is not known; choose from {', '.join(WIDTHS)}")
        if height % VERTICAL_STRIDE:
            raise UserError(f"height {height} must be a multiple of {VERTICAL_STRIDE}")
        stem, *stages = WIDTHS[name]
        self.name, self.channels, self.height, self.dim = name, channels, height, stages[-1]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, stem, 3, 2, 1, bias=False), BatchNorm2d(stem), nn.ReLU()
        )
        # Only the first stage halves the width: neighboring characters need separate frames.
        self.stages = nn.Sequential(
            ResidualBlock(stem, stages[0], (2, 2)),
            ResidualBlock(stages[0], stages[1], (2, 1)),
            ResidualBlock(stages[1], stages[2], (2, 1)),
        )
        column = (height // VERTICAL_STRIDE, 3)
        self.fold = nn.Conv2d(self.dim, self.dim, column, padding=(0, 1), bias=False)
        self.fold_norm = BatchNorm2d(self.dim)

    @staticmethod
    def frames(width: int) -> int:
        """Number of frames for an image `width` pixels wide."""
        return frame_count.frames(width)

    def forward(self, images: Tensor) -> Tensor:
        x = images.contiguous(memory_format=torch.channels_last)
        x = self.stages(self.stem(x))
        return torch.relu(self.fold_norm(self.fold(x))).squeeze(2).transpose(1, 2)


def build_encoder(name: str, channels: int, height: int) -> Encoder:
    """An encoder by name (`tiny` 0.4M, `small` 1.1M, `base` 4.3M parameters for gray, height 32).

    Raises UserError for an unknown name or a height that is no multiple of 16.
    """
    return Encoder(name, channels, height).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def standardize(images: Tensor) -> Tensor:
    """Every image to zero mean and unit deviation over its own pixels and channels.

    Takes uint8 or float `[B, C, H, W]`, returns float32 of the same shape. A flat image becomes
    zeros: the deviation is at least two gray levels, so that noise is not amplified.
    """
    x = images.float()
    deviation, mean = torch.std_mean(x, (1, 2, 3), keepdim=True, correction=0)
    return (x - mean) / deviation.clamp_min(2.0)
