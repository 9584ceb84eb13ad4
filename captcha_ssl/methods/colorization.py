"""Colorization: predict the color of each part of an image that is shown in gray."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.methods.classification import classification_figures
from captcha_ssl.methods.color import from_lab, to_lab
from captcha_ssl.methods.method import Method
from captcha_ssl.models.decoder import Decoder
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.models.ranks import mean_of_ranks
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting

_CELL = 2
_LARGEST_CHROMA = 88.0
_GRAYEST = 1.0


class ColorizationSettings(Settings):
    """Settings of colorization (Zhang et al. 2016: classes of color, rare ones weigh more)."""

    color_bins: int = setting(9, "bins on each of the axes a and b", low=2, high=32)
    color_rebalance: float = setting(
        0.5, "extra weight of rare colors: 0 none, 1 full", low=0.0, high=0.99
    )


class Colorization(Method):
    """Encoder of the lightness in all three channels, and a decoder to classes of color.

    The encoder keeps its three channels, so it accepts color images in fine-tuning. Raises
    UserError for a gray encoder.
    """

    settings_classes = (ColorizationSettings,)

    def __init__(self, encoder: Encoder, settings: ColorizationSettings) -> None:
        super().__init__(encoder)
        if encoder.channels != 3:
            raise UserError("colorization needs color images; set channels=3")
        self.settings = settings
        classes = settings.color_bins**2
        self.decoder = Decoder(encoder.dim, classes, encoder.height // _CELL, STRIDE // _CELL)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        gray, target = self.question(images)
        logits = self.decoder(self.encoder(gray))[..., : target.shape[2]]
        return classification_figures(logits, target, self._weights(target))

    def check(self, images: Tensor) -> None:
        if to_lab(images)[:, 1:].abs().max().item() < _GRAYEST:
            raise UserError(
                "colorization needs color images, and these are gray; use another method"
            )

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        gray, target = self.question(images)
        color = self.class_color(target).repeat_interleave(_CELL, 2).repeat_interleave(_CELL, 3)
        lightness = to_lab(images)[:, :1]
        painted = from_lab(torch.cat([lightness, color[..., : images.shape[3]]], 1))
        return {"input: lightness": gray, "target: classes of color": standardize(painted * 255)}

    def question(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The lightness, standardized `[B, 3, H, W]`, and the class of every cell."""
        lab = to_lab(images)
        gray = standardize(lab[:, :1] * 2.55).expand(-1, 3, -1, -1)
        return gray, self.color_class(lab[:, 1:])

    def color_class(self, ab: Tensor) -> Tensor:
        """The class, int64 `[B, H / 2, W / 2]`, of the mean color of cells of 2 by 2 pixels."""
        mean = F.avg_pool2d(ab, _CELL, ceil_mode=True)
        bins = self.settings.color_bins
        place = (mean / _LARGEST_CHROMA + 1) / 2 * bins
        a, b = place.long().clamp(0, bins - 1).unbind(1)
        return a * bins + b

    def class_color(self, classes: Tensor) -> Tensor:
        """The center of every class's bin: a and b float32 `[B, 2, …]` for int64 `[B, …]`."""
        bins = self.settings.color_bins
        place = torch.stack([classes // bins, classes % bins], 1)
        return ((place + 0.5) / bins * 2 - 1) * _LARGEST_CHROMA

    def _weights(self, target: Tensor) -> Tensor:
        """∝ 1 / ((1 − r) · 1 + r · p(class) · classes), r the setting; expected weight 1.

        The colors are counted in the batches of all ranks.
        """
        share, classes = self.settings.color_rebalance, self.settings.color_bins**2
        counts = torch.zeros(classes, device=target.device)
        counts.index_add_(0, target.flatten(), torch.ones(target.numel(), device=target.device))
        frequency = mean_of_ranks(counts) / target.numel()
        weight = 1 / (1 - share + share * frequency * classes)
        return weight / (weight * frequency).sum()
