"""DiG: restore the hidden parts of a crop, and match it with another view."""

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
        0.1, "weight of the contrast; the pixels have weight 1", low=0.0
    )


class DiG(TwoViewMethod):
    """Encoder, decoder, projector and predictor; target encoder and target projector.

        loss = pixels + w · ½( contrast(masked, view) + contrast(view, masked) )

    (Yang et al., ACM MM 2022): `pixels` is the squared error on the hidden blocks of a plain crop,
    each block normalized; contrast(x, y) is the loss between the online network's prediction from x
    and the target network's projection of y. As in the authors' code, both directions are
    contrasted, and the hidden crop is plain, because the noise of an augmented crop is not a useful
    target. Differences: crops joined across images replace the paper's quarters of an image, so
    that position cannot identify a crop; any of our losses contrasts them, also with keys as
    anchors; and the two directions are averaged, which at the authors' temperature of 0.2 is nearly
    their sum times 2τ.
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
        crops, others = self.instances.pair(images)
        plain = self.instances.plain(crops)
        filled, seen, mask = hide(plain, self.mask)
        target = block_normalized(filled, self.mask.mask_size)
        # A crop whose width is not a multiple of the blocks is padded; cut it back.
        seen, target, mask = (part[..., : plain.shape[3]] for part in (seen, target, mask))
        return self.instances.view(others), seen, target, mask

    def _contrast(self, embedded: Tensor, other: Tensor) -> Tensor:
        queries = self.predictor(self.projector(embedded))
        with torch.no_grad():
            keys = self.target_projector(self.instances.embed(self.target_encoder, other))
        return self.loss(gather(queries), gather(keys))
