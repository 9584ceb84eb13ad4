"""SimCLR: two views of an instance attract, all other instances of the batch repel."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from captcha_ssl.losses.infonce import infonce
from captcha_ssl.methods.instances import InstanceSettings, build_instances
from captcha_ssl.methods.method import Method
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.heads import projector
from captcha_ssl.settings import setting
from captcha_ssl.views.settings import ViewSettings


@dataclass(frozen=True)
class SimCLRSettings:
    """Settings of SimCLR (Chen et al. 2020)."""

    loss: str = setting("infonce", "loss between the two views", choices=("infonce",))
    temperature: float = setting(0.1, "temperature τ of InfoNCE", low=0.001)
    projector_hidden: int = setting(256, "hidden width of the projector", low=1)
    projector_out: int = setting(128, "width of the projections", low=1)
    projector_layers: int = setting(2, "linear layers of the projector", low=1)


class SimCLR(Method):
    """Encoder, projector and InfoNCE over all instances of the batch."""

    settings_classes = (SimCLRSettings, InstanceSettings, ViewSettings)

    def __init__(
        self,
        encoder: Encoder,
        settings: SimCLRSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder)
        self.temperature = settings.temperature
        self.instances = build_instances(instances, views)
        self.projector = projector(
            encoder.dim,
            settings.projector_hidden,
            settings.projector_out,
            settings.projector_layers,
        )

    def forward(self, images: Tensor, progress: float) -> dict[str, Tensor]:
        a, b = (
            self.projector(self.instances.embed(self.encoder, view))
            for view in self.instances.views(images)
        )
        return {"loss": infonce(a, b, self.temperature)}
