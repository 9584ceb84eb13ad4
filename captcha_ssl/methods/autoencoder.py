"""Auto-encoders: the frames must contain enough to reconstruct the image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ssl.methods.masking import (
    MaskSettings,
    block_normalized,
    hide,
    masked_mean,
)
from captcha_ssl.methods.method import Method
from captcha_ssl.models.decoder import Decoder
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.clutter import clutter
from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.tone import vary_tone

VARIANTS = ("masked", "denoising", "variational", "plain")


class AutoencoderSettings(Settings):
    """Settings of the auto-encoder, by variant.

    plain: through a narrow code (Hinton & Salakhutdinov 2006); variational: through a random code
    (Kingma & Welling 2014); denoising: from a cluttered image (Vincent et al. 2008); masked: from
    the visible part of the image (MAE, He et al. 2022).
    """

    variant: str = setting("masked", "what makes the task hard", choices=VARIANTS)
    code_width: int = setting(16, "numbers per frame in the code (plain, variational)", low=1)
    kl_weight: float = setting(0.1, "weight β of the code's divergence (variational)", low=0.0)
    corrupt_strokes: int = setting(
        3, ("largest number of curved strokes drawn over an image (denoising)"), low=0
    )
    corrupt_dots: float = setting(24.0, "largest expected number of dots (denoising)", low=0)
    corrupt_blur: float = setting(
        0.5, "share of images that are blurred (denoising)", low=0, high=1
    )
    corrupt_noise: float = setting(
        0.5, "largest standard deviation of pixel noise, in those of the image (denoising)", low=0
    )


class Autoencoder(Method):
    """Encoder, for two variants a code, and the decoder."""

    settings_classes = (AutoencoderSettings, MaskSettings)

    def __init__(self, encoder: Encoder, settings: AutoencoderSettings, mask: MaskSettings) -> None:
        super().__init__(encoder)
        mask.check()
        self.settings, self.mask = settings, mask
        width = encoder.dim
        if settings.variant in ("plain", "variational"):
            width = settings.code_width
            halves = 2 if settings.variant == "variational" else 1
            self.code = nn.Linear(encoder.dim, halves * width)
        self.decoder = Decoder(width, encoder.channels, encoder.height, STRIDE)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        figures = {
            "plain": self._plain,
            "variational": self._variational,
            "denoising": self._denoising,
            "masked": self._masked,
        }
        return figures[self.settings.variant](standardize(images))

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        pixels = standardize(images)
        if self.settings.variant == "masked":
            seen, target, mask = self._hide(pixels)
            return {"input": seen, "target: the hidden blocks, each normalized": target * mask}
        if self.settings.variant == "denoising":
            return {"input": corrupt(pixels, self.settings), "target": pixels}
        return {"input and target": pixels}

    def _plain(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"loss": self._error(self.code(self.encoder(pixels)), pixels)}

    def _variational(self, pixels: Tensor) -> dict[str, Tensor]:
        """½ · squared error + β · divergence, both summed over an image, divided by its pixels."""
        mean, log_variance = self.code(self.encoder(pixels)).float().chunk(2, 2)
        code = torch.addcmul(mean, torch.randn_like(mean), (log_variance / 2).exp())
        error = self._error(code, pixels)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum() / pixels.numel()
        loss = 0.5 * error + self.settings.kl_weight * divergence
        return {"loss": loss, "error": error, "divergence": divergence}

    def _denoising(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"loss": self._error(self.encoder(corrupt(pixels, self.settings)), pixels)}

    def _masked(self, pixels: Tensor) -> dict[str, Tensor]:
        seen, target, mask = self._hide(pixels)
        drawn = self.decoder(self.encoder(seen))
        return {"loss": masked_mean((drawn - target) ** 2, mask)}

    def _hide(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pixels, seen, mask = hide(pixels, self.mask)
        return seen, block_normalized(pixels, self.mask.mask_size), mask

    def _error(self, code: Tensor, pixels: Tensor) -> Tensor:
        return F.mse_loss(self.decoder(code)[..., : pixels.shape[3]], pixels)


def corrupt(pixels: Tensor, settings: AutoencoderSettings) -> Tensor:
    """Standardized float `[B, C, H, W]` under strokes, dots, blur and noise."""
    damage = ViewSettings(
        strokes=settings.corrupt_strokes,
        dots=settings.corrupt_dots,
        lines=0.0,
        contrast=0,
        brightness=0,
        blur=settings.corrupt_blur,
        noise=settings.corrupt_noise,
    )
    with torch.no_grad(), torch.autocast(pixels.device.type, enabled=False):
        return vary_tone(clutter(pixels, damage), damage)
