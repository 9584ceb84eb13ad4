"""SimSiam: one view predicts the other, which gets no gradient; no negatives."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.losses.cosine import negative_cosine
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.heads import predictor
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings


class SimSiamSettings(Settings):
    """Settings of SimSiam (Chen & He 2021)."""

    bottleneck: int = setting(32, "hidden width of the predictor, a quarter of its output", low=1)


class SimSiam(TwoViewMethod):
    """Encoder, projector and a predictor with a bottleneck; the loss falls from 0 to −1."""

    settings_classes = (SimSiamSettings, ProjectorSettings, InstanceSettings, ViewSettings)

    def __init__(
        self,
        encoder: Encoder,
        settings: SimSiamSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.projector = build_projector(encoder, projector)
        self.predictor = predictor(projector.projector_out, settings.bottleneck)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        a, b = self.of_both(images, self._projections)
        one = negative_cosine(self.predictor(a), b)
        other = negative_cosine(self.predictor(b), a)
        return {"loss": 0.5 * (one + other)}

    def _projections(self, view: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.instances.embed(self.encoder, view))
        return projected
