"""RCLSTR: contrast of frames, sub-words and words, and agreement between these levels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captcha_ssl.errors import UserError
from captcha_ssl.losses.registry import FREE_LENGTH, build_loss
from captcha_ssl.losses.relational import relational_consistency
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.instances import Crops, build_crops
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.ranks import gather
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings

LEVELS = ("frame", "subword", "word")


class RCLSTRSettings(Settings):
    """Weights of RCLSTR (Zhang et al. 2023); 1, 1, 1 and 0.3 are those of the authors' code."""

    frame_weight: float = setting(1.0, "weight of the contrast of frames", low=0.0)
    subword_weight: float = setting(1.0, "weight of the contrast of crops", low=0.0)
    word_weight: float = setting(1.0, "weight of the contrast of whole images", low=0.0)
    consistency_weight: float = setting(
        0.3, "weight of the agreement between neighboring levels", low=0.0
    )
    consistency_temperature: float = setting(
        0.04, "temperature of the similarities that must agree", low=0.001
    )


class RCLSTR(TwoViewMethod):
    """Encoder, a projector per level, and crops that are joined in a different order in each view.

        loss = Σ_l w_l · L_l / Σ_l w_l + w_c · ½( C(frame, sub-word) + C(sub-word, word) )

    (Zhang et al., ACM MM 2023), L_l the loss between the two views at level l, C the relational
    consistency of one view with the level above in the other, in both directions. Differences from
    the paper: it joins halves of two images, here crops of many images are joined, and a sub-word
    is a crop; the other view and the batch replace the momentum encoder and its queues; the
    contrasts are averaged, not added; the authors' code divides the consistency by the number of
    instances; the consistency within a level, which their baseline also has, is absent.
    """

    settings_classes = (
        RCLSTRSettings,
        LossSettings,
        ProjectorSettings,
        InstanceSettings,
        ViewSettings,
    )
    peak_lr = 1e-3
    instances: Crops

    def __init__(
        self,
        encoder: Encoder,
        settings: RCLSTRSettings,
        loss: LossSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.instances = build_crops(instances, views)
        self.settings = settings
        weights = (settings.frame_weight, settings.subword_weight, settings.word_weight)
        if not sum(weights):
            raise UserError("frame_weight, subword_weight and word_weight are all 0; raise one")
        self.weights = dict(zip(LEVELS, weights, strict=True))
        self.loss = build_loss(loss)
        last_norm = loss.loss not in FREE_LENGTH
        self.projectors = nn.ModuleDict(
            {level: build_projector(encoder, projector, last_norm=last_norm) for level in LEVELS}
        )

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        one, two = self.instances.views(images)
        # The frames of a crop look similar and would be false negatives of each other. So one frame
        # represents its crop in this step, the same one in both views.
        chosen = torch.rand(len(one), device=one.device)
        a, b = (self._projections(view, chosen) for view in (one, two))
        figures = {level: self.loss(a[level], b[level]) for level in LEVELS}
        contrast = torch.stack([self.weights[level] * figures[level] for level in LEVELS]).sum()
        figures["consistency"] = 0.5 * (self._consistency(a, b) + self._consistency(b, a))
        loss = contrast / sum(self.weights.values())
        return {"loss": loss + self.settings.consistency_weight * figures["consistency"], **figures}

    def levels(self, view: Tensor, chosen: Tensor) -> dict[str, Tensor]:
        """A core frame and the mean core frame of every crop, `[crops · B, D]`, and their mean
        over the crops of every image, `[B, D]`.

        `chosen` `[crops · B]`, from 0 to below 1, is the position of the frame in the core.
        """
        frames = self.instances.core(self.instances.frames(self.encoder, view))
        place = (chosen * frames.shape[1]).long()
        subword = frames.mean(1)
        return {
            "frame": frames[torch.arange(len(frames), device=frames.device), place],
            "subword": subword,
            "word": subword.view(self.instances.count, -1, self.encoder.dim).mean(0),
        }

    def _projections(self, view: Tensor, chosen: Tensor) -> dict[str, Tensor]:
        levels = self.levels(view, chosen)
        return {level: gather(self.projectors[level](levels[level])) for level in LEVELS}

    def _consistency(self, below: dict[str, Tensor], above: dict[str, Tensor]) -> Tensor:
        temperature = self.settings.consistency_temperature
        frames = relational_consistency(below["frame"], above["subword"], temperature)
        return 0.5 * (frames + relational_consistency(below["subword"], above["word"], temperature))
