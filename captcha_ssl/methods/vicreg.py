"""VICReg: separate terms for variance, invariance and covariance of the projections."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.losses.vicreg import vicreg
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.ranks import gather
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings


class VICRegSettings(Settings):
    """Settings of VICReg (Bardes et al. 2022)."""

    invariance_weight: float = setting(25.0, "weight λ of the distance between views", low=0.0)
    variance_weight: float = setting(25.0, "weight μ of the variance term", low=0.0)
    covariance_weight: float = setting(1.0, "weight ν of the covariance", low=0.0)


class VICReg(TwoViewMethod):
    """Encoder, projector without a last normalization, and the three terms."""

    settings_classes = (VICRegSettings, ProjectorSettings, InstanceSettings, ViewSettings)

    def __init__(
        self,
        encoder: Encoder,
        settings: VICRegSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.weights = (
            settings.invariance_weight,
            settings.variance_weight,
            settings.covariance_weight,
        )
        self.projector = build_projector(encoder, projector, last_norm=False)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        a, b = map(gather, self.of_both(images, self._projections))
        return {"loss": vicreg(a, b, *self.weights)}

    def _projections(self, view: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.instances.embed(self.encoder, view))
        return projected
