"""Colorization: which colour has each place of a picture that is shown in grey?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.methods.classification import classification_figures
from captcha_ssl.methods.colour import from_lab, to_lab
from captcha_ssl.methods.method import Method
from captcha_ssl.models.decoder import Decoder
from captcha_ssl.models.encoder import Encoder, standardise
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.settings import setting

_CELL = 2
_LARGEST_CHROMA = 88.0
_GREYEST = 1.0


@dataclass(frozen=True)
class ColorizationSettings:
    """Settings of colorization (Zhang et al. 2016: classes of colour, rare ones weigh more)."""

    colour_bins: int = setting(9, "bins on each of the axes a and b", low=2, high=32)
    colour_rebalance: float = setting(
        0.5, "how far rare colours gain weight: 0 not at all, 1 in full", low=0.0, high=0.99
    )


class Colorization(Method):
    """Encoder of the lightness in all three channels, and a decoder to classes of colour.

    The encoder keeps its three channels, and so takes colour images when it is fine-tuned.
    Raises UserError for a grey encoder.
    """

    settings_classes = (ColorizationSettings,)
    several_devices = False  # its weights count the colours of the batch that one process has

    def __init__(self, encoder: Encoder, settings: ColorizationSettings) -> None:
        super().__init__(encoder)
        if encoder.channels != 3:
            raise UserError("colorization needs colour images; set channels=3")
        self.settings = settings
        classes = settings.colour_bins**2
        self.decoder = Decoder(encoder.dim, classes, encoder.height // _CELL, STRIDE // _CELL)

    def forward(self, images: Tensor, progress: float) -> dict[str, Tensor]:
        grey, target = self.question(images)
        logits = self.decoder(self.encoder(grey))[..., : target.shape[2]]
        return classification_figures(logits, target, self._weights(target))

    def check(self, images: Tensor) -> None:
        if to_lab(images)[:, 1:].abs().max().item() < _GREYEST:
            raise UserError(
                "colorization needs colour images, and these are grey; use another method"
            )

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        grey, target = self.question(images)
        colour = self.class_colour(target).repeat_interleave(_CELL, 2).repeat_interleave(_CELL, 3)
        lightness = to_lab(images)[:, :1]
        painted = from_lab(torch.cat([lightness, colour[..., : images.shape[3]]], 1))
        return {"input: lightness": grey, "target: classes of colour": standardise(painted * 255)}

    def question(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The lightness, standardised `[B, 3, H, W]`, and the class of every cell."""
        lab = to_lab(images)
        grey = standardise(lab[:, :1] * 2.55).expand(-1, 3, -1, -1)
        return grey, self.colour_class(lab[:, 1:])

    def colour_class(self, ab: Tensor) -> Tensor:
        """The class, int64 `[B, H / 2, W / 2]`, of the mean colour of cells of 2 by 2 pixels."""
        mean = F.avg_pool2d(ab, _CELL, ceil_mode=True)
        bins = self.settings.colour_bins
        place = (mean / _LARGEST_CHROMA + 1) / 2 * bins
        a, b = place.long().clamp(0, bins - 1).unbind(1)
        return a * bins + b

    def class_colour(self, classes: Tensor) -> Tensor:
        """The middle of every class's bin, a and b float32 `[B, 2, …]` of int64 `[B, …]`."""
        bins = self.settings.colour_bins
        place = torch.stack([classes // bins, classes % bins], 1)
        return ((place + 0.5) / bins * 2 - 1) * _LARGEST_CHROMA

    def _weights(self, target: Tensor) -> Tensor:
        """∝ 1 / ((1 − r) · 1 + r · p(class) · classes), r the setting; expected weight 1."""
        share, classes = self.settings.colour_rebalance, self.settings.colour_bins**2
        counts = torch.zeros(classes, device=target.device)
        counts.index_add_(0, target.flatten(), torch.ones(target.numel(), device=target.device))
        frequency = counts / target.numel()
        weight = 1 / (1 - share + share * frequency * classes)
        return weight / (weight * frequency).sum()
