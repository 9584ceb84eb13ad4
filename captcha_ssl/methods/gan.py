"""GAN: restore hidden parts so well that a discriminator cannot tell them from real ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from captcha_ssl.errors import UserError
from captcha_ssl.methods.adversary import AdversaryAdamW
from captcha_ssl.methods.masking import MaskSettings, hide, masked_mean
from captcha_ssl.methods.method import Method
from captcha_ssl.models import discriminator
from captcha_ssl.models.decoder import Decoder
from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.models.schedule import half_cosine
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting


class GANSettings(Settings):
    """Settings of adversarial restoration (context encoders, Pathak et al. 2016)."""

    adversarial_weight: float = setting(
        0.1, "weight of the adversarial loss; the squared error has weight 1", low=0.0
    )
    discriminator_width: int = setting(32, "channels of the discriminator, multiple of 4", low=4)
    discriminator_lr: float = setting(4e-4, "the discriminator's peak learning rate", low=0.0)


class GAN(Method):
    """Encoder and decoder restore; a discriminator with its own optimizer judges.

    Least-squares losses (Mao et al. 2017) on the verdicts for hidden areas only: real 1, restored
    0. The discriminator's parameters have requires_grad=False, so that the loop ignores them; its
    update differentiates with respect to copies.
    """

    settings_classes = (GANSettings, MaskSettings)
    peak_lr = 1e-3

    def __init__(self, encoder: Encoder, settings: GANSettings, mask: MaskSettings) -> None:
        super().__init__(encoder)
        mask.check()
        if settings.discriminator_width % 4:
            raise UserError(
                f"discriminator_width = {settings.discriminator_width}: use a multiple of 4"
            )
        self.settings, self.mask = settings, mask
        self.decoder = Decoder(encoder.dim, encoder.channels, encoder.height, STRIDE)
        self.discriminator = discriminator.build_discriminator(
            encoder.channels, settings.discriminator_width
        ).requires_grad_(False)
        self.optimizer = AdversaryAdamW(self.discriminator)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        pixels, seen, mask = hide(standardize(images), self.mask)
        drawn = self.decoder(self.encoder(seen))
        restored = torch.lerp(pixels, drawn, mask)
        judged = F.avg_pool2d(mask, discriminator.STRIDE)
        told_apart = self._train_discriminator(pixels, restored.detach(), judged, progress)
        error = masked_mean((drawn - pixels) ** 2, mask)
        deceit = masked_mean((self.discriminator(restored).float() - 1) ** 2, judged)
        loss = error + self.settings.adversarial_weight * deceit
        return {"loss": loss, "error": error, "deceit": deceit, "discriminator": told_apart}

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        pixels, seen, mask = hide(standardize(images), self.mask)
        return {"input": seen, "target: the hidden parts": pixels * mask}

    def _train_discriminator(
        self, real: Tensor, restored: Tensor, judged: Tensor, progress: Progress
    ) -> Tensor:
        def judge(weights: dict[str, Tensor]) -> Tensor:
            both = functional_call(self.discriminator, weights, (torch.cat([real, restored]),))
            on_real, on_restored = both.float().chunk(2)
            on_both = masked_mean((on_real - 1) ** 2, judged)
            return on_both + masked_mean(on_restored**2, judged)

        weights = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
        loss, gradients = _loss_and_gradients(judge, weights)
        lr = self.settings.discriminator_lr * half_cosine(progress)
        self.optimizer.step(self.discriminator, gradients, lr)
        return loss.detach()


def _loss_and_gradients(
    loss_of: Callable[[dict[str, Tensor]], Tensor], weights: dict[str, Tensor]
) -> tuple[Tensor, list[Tensor]]:
    if torch.compiler.is_compiling():
        # The compiler can trace only this form, which needs 75 more operations.
        gradients, loss = torch.func.grad_and_value(loss_of)(weights)
        return loss, list(gradients.values())
    leaves = {name: weight.requires_grad_() for name, weight in weights.items()}
    loss = loss_of(leaves)
    return loss, list(torch.autograd.grad(loss, list(leaves.values())))
