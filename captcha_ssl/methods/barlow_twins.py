"""Barlow Twins: dimensions of the projections agree between views and are not redundant."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.losses.barlow_twins import barlow_twins
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.ranks import gather
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings


class BarlowTwinsSettings(Settings):
    """Settings of Barlow Twins (Zbontar et al. 2021)."""

    redundancy_weight: float = setting(
        0.005, "weight λ of the correlation between dimensions", low=0.0
    )


class BarlowTwins(TwoViewMethod):
    """Encoder, projector without a last normalization, and the cross-correlation loss."""

    settings_classes = (BarlowTwinsSettings, ProjectorSettings, InstanceSettings, ViewSettings)

    def __init__(
        self,
        encoder: Encoder,
        settings: BarlowTwinsSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.redundancy = settings.redundancy_weight
        self.projector = build_projector(encoder, projector, last_norm=False)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        a, b = map(gather, self.of_both(images, self._projections))
        return {"loss": barlow_twins(a, b, self.redundancy)}

    def _projections(self, view: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.instances.embed(self.encoder, view))
        return projected
