"""SwAV: both views of an instance belong to the same prototypes, all used equally."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ssl.losses.swav import swav
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.ranks import gather
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings


class SwAVSettings(Settings):
    """Settings of SwAV (Caron et al. 2020)."""

    prototypes: int = setting(
        128, ("number of prototypes; a few times the number of characters"), low=2
    )
    swav_temperature: float = setting(0.1, "temperature τ of the prediction (swav)", low=0.001)
    # With the paper's 0.05 and views this strong, trials stayed at the loss of uniform codes, log
    # K.
    epsilon: float = setting(0.02, "softness ε of the assignment (swav)", low=0.001)
    sinkhorn_iterations: int = setting(3, "iterations of Sinkhorn-Knopp", low=1, high=1000)


class SwAV(TwoViewMethod):
    """Encoder, projector and prototypes on the unit sphere."""

    settings_classes = (SwAVSettings, ProjectorSettings, InstanceSettings, ViewSettings)

    def __init__(
        self,
        encoder: Encoder,
        settings: SwAVSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.settings = settings
        self.projector = build_projector(encoder, projector, last_norm=False)
        self.prototypes = nn.Parameter(torch.randn(settings.prototypes, projector.projector_out))

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        a, b = map(gather, self.of_both(images, self._scores))
        settings = self.settings
        loss = swav(a, b, settings.swav_temperature, settings.epsilon, settings.sinkhorn_iterations)
        return {"loss": loss}

    def _scores(self, view: Tensor) -> Tensor:
        """Cosines with the prototypes `[N, prototypes]`."""
        z = self.projector(self.instances.embed(self.encoder, view))
        with torch.autocast(view.device.type, enabled=False):
            return F.normalize(z.float(), dim=1) @ F.normalize(self.prototypes, dim=1).T
