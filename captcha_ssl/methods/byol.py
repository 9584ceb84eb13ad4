"""BYOL: the online network predicts the target network, its moving average; no negatives."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.losses.cosine import negative_cosine
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.heads import predictor
from captcha_ssl.models.momentum import follow, slow_copy
from captcha_ssl.models.schedule import half_cosine
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings


class BYOLSettings(Settings):
    """Settings of BYOL (Grill et al. 2020)."""

    predictor_hidden: int = setting(256, "hidden width of the predictor", low=1)
    target_momentum: float = setting(0.99, "momentum of the target; rises to 1", low=0.0, high=1.0)


class BYOL(TwoViewMethod):
    """Online encoder, projector and predictor; target encoder and projector."""

    settings_classes = (BYOLSettings, ProjectorSettings, InstanceSettings, ViewSettings)
    peak_lr = 1e-3

    def __init__(
        self,
        encoder: Encoder,
        settings: BYOLSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.momentum = settings.target_momentum
        self.projector = build_projector(encoder, projector, last_norm=False)
        self.predictor = predictor(projector.projector_out, settings.predictor_hidden)
        self.target_encoder = slow_copy(self.encoder)
        self.target_projector = slow_copy(self.projector)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        one, two = self.instances.views(images)
        distance = self._distance(one, two) + self._distance(two, one)
        return {"loss": distance}

    def _distance(self, view: Tensor, other: Tensor) -> Tensor:
        prediction = self.predictor(self.projector(self.instances.embed(self.encoder, view)))
        with torch.no_grad():
            target = self.target_projector(self.instances.embed(self.target_encoder, other))
        return 2 + 2 * negative_cosine(prediction, target)

    def after_step(self, progress: Progress) -> None:
        momentum = rising_momentum(self.momentum, progress)
        follow(self.target_encoder, self.encoder, momentum)
        follow(self.target_projector, self.projector, momentum)


def rising_momentum(base: float, progress: Progress) -> Progress:
    """1 − (1 − base) · ½(cos(π · progress) + 1): from `base` to 1 (Grill et al. 2020, §3.2)."""
    return 1 - (1 - base) * half_cosine(progress)
