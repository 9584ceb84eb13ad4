"""DiG: restore what is hidden of a crop, and know it again from another view."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.losses.registry import FREE_LENGTH, build_loss
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.byol import BYOLSettings, rising_momentum
from captcha_ssl.methods.instances import Crops, build_crops
from captcha_ssl.methods.masking import MaskSettings, block_normalized, hide, masked_mean
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.decoder import Decoder
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.models.heads import predictor
from captcha_ssl.models.momentum import follow, slow_copy
from captcha_ssl.models.ranks import gather
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings


class DiGSettings(Settings):
    """Settings of DiG (Yang et al. 2022)."""

    contrast_weight: float = setting(
        0.1, "weight of the contrast, beside 1 for the pixels", low=0.0
    )


class DiG(TwoViewMethod):
    """Encoder, decoder, projector and predictor; target encoder and target projector.

        loss = pixels + w · ½( contrast(masked, view) + contrast(view, masked) )

    (Yang et al., ACM MM 2022): `pixels` is the squared error where a plain crop was hidden, of
    blocks that are each normalized; contrast(x, y) is the loss between what the online network
    predicts from x and what the target network, which follows it, makes of y. As in the authors'
    program both ways are contrasted, and the hidden crop is a plain one, since the noise of an
    augmented one is no target. Adapted: crops joined across images, so that no place can tell
    which is which, stand where the paper has quarters of an image; any of our losses, which take
    keys as anchors too, contrasts them; and the two ways are averaged, which at the authors'
    temperature of 0.2 is nearly their sum times 2τ.
    """

    settings_classes = (
        DiGSettings,
        BYOLSettings,
        MaskSettings,
        LossSettings,
        ProjectorSettings,
        InstanceSettings,
        ViewSettings,
    )
    instances: Crops

    def __init__(
        self,
        encoder: Encoder,
        settings: DiGSettings,
        target: BYOLSettings,
        mask: MaskSettings,
        loss: LossSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        mask.check()
        self.instances = build_crops(instances, views)
        self.contrast_weight, self.momentum = settings.contrast_weight, target.target_momentum
        self.mask, self.loss = mask, build_loss(loss)
        self.decoder = Decoder(encoder.dim, encoder.channels, encoder.height, STRIDE)
        self.projector = build_projector(encoder, projector, last_norm=loss.loss not in FREE_LENGTH)
        self.predictor = predictor(projector.projector_out, target.predictor_hidden)
        self.target_encoder = slow_copy(self.encoder)
        self.target_projector = slow_copy(self.projector)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        view, seen, target, mask = self._look(images)
        frames = self.instances.frames(self.encoder, seen)
        pixels = masked_mean((self.decoder(frames) - target) ** 2, mask)
        masked = self._contrast(self.instances.core(frames).mean(1), view)
        whole = self._contrast(self.instances.embed(self.encoder, view), seen)
        contrast = 0.5 * (masked + whole)
        loss = pixels + self.contrast_weight * contrast
        return {"loss": loss, "pixels": pixels, "contrast": contrast}

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        view, seen, target, mask = self._look(images)
        pictures = {
            "input: masked crops": seen,
            "target: the hidden blocks, each normalized": target * mask,
            "another view": view,
        }
        return {caption: self.instances.picture(crops) for caption, crops in pictures.items()}

    def after_step(self, progress: Progress) -> None:
        momentum = rising_momentum(self.momentum, progress)
        follow(self.target_encoder, self.encoder, momentum)
        follow(self.target_projector, self.projector, momentum)

    def _look(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A view of random crops; the crops with hidden blocks, the blocks to restore, the mask."""
        crops = self.instances.cut(images)
        plain = self.instances.plain(crops)
        filled, seen, mask = hide(plain, self.mask)
        target = block_normalized(filled, self.mask.mask_size)
        # A crop that is no multiple of the blocks was filled up, and is cut back to its width.
        seen, target, mask = (part[..., : plain.shape[3]] for part in (seen, target, mask))
        return self.instances.view(crops), seen, target, mask

    def _contrast(self, embedded: Tensor, other: Tensor) -> Tensor:
        queries = self.predictor(self.projector(embedded))
        with torch.no_grad():
            keys = self.target_projector(self.instances.embed(self.target_encoder, other))
        return self.loss(gather(queries), gather(keys))
