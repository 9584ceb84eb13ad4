"""SimCLR: two views of an instance attract each other, all other instances repel them."""

from __future__ import annotations

from torch import Tensor

from captcha_ssl.losses.registry import FREE_LENGTH, build_loss
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.ranks import gather
from captcha_ssl.models.task import Progress
from captcha_ssl.views.settings import ViewSettings


class SimCLR(TwoViewMethod):
    """Encoder, projector and a loss over all instances of the batch (Chen et al. 2020)."""

    settings_classes = (LossSettings, ProjectorSettings, InstanceSettings, ViewSettings)
    peak_lr = 1e-3

    def __init__(
        self,
        encoder: Encoder,
        loss: LossSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.loss = build_loss(loss)
        self.projector = build_projector(encoder, projector, last_norm=loss.loss not in FREE_LENGTH)

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        a, b = map(gather, self.of_both(images, self._projections))
        return {"loss": self.loss(a, b)}

    def _projections(self, view: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.instances.embed(self.encoder, view))
        return projected
