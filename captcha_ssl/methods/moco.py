"""MoCo: a query must find its key among the keys of earlier batches, from a momentum encoder."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.losses.registry import build_loss
from captcha_ssl.losses.settings import LossSettings
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.methods.two_views import TwoViewMethod
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.momentum import follow, slow_copy
from captcha_ssl.models.ranks import own_rows, shuffled, world_size
from captcha_ssl.models.split_norm import split_batch_norm
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting
from captcha_ssl.views.settings import ViewSettings


class MoCoSettings(Settings):
    """Settings of MoCo (He et al. 2020; Chen et al. 2020)."""

    queue: int = setting(4096, "keys of earlier batches that serve as negatives", low=1)
    key_momentum: float = setting(0.99, "momentum of the key encoder", low=0.0, high=1.0)
    norm_splits: int = setting(
        4, "parts of a batch that are normalized separately, on one device", low=1
    )


class MoCo(TwoViewMethod):
    """Query and key encoder, and a queue of projections `[queue, projector_out]`, newest first."""

    settings_classes = (
        MoCoSettings,
        LossSettings,
        ProjectorSettings,
        InstanceSettings,
        ViewSettings,
    )
    queue: Tensor

    def __init__(
        self,
        encoder: Encoder,
        settings: MoCoSettings,
        loss: LossSettings,
        projector: ProjectorSettings,
        instances: InstanceSettings,
        views: ViewSettings,
    ) -> None:
        super().__init__(encoder, instances, views)
        self.momentum = settings.key_momentum
        self.loss = build_loss(loss)
        # As in MoCo v2. With a last normalization the loss rose above chance in trials.
        self.projector = build_projector(encoder, projector, last_norm=False)
        # Several ranks already have separate statistics.
        splits = settings.norm_splits if world_size() == 1 else 1
        split_batch_norm(self.encoder, splits)
        split_batch_norm(self.projector, splits)
        self.key_encoder = slow_copy(self.encoder)
        self.key_projector = slow_copy(self.projector)
        self.register_buffer("queue", torch.randn(settings.queue, projector.projector_out))

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        one, two = self.instances.views(images)
        queries = self.projector(self.instances.embed(self.encoder, one))
        follow(self.key_encoder, self.encoder, self.momentum)
        follow(self.key_projector, self.projector, self.momentum)
        keys = self._keys(two)
        # A copy: some losses read their negatives again in the backward pass.
        loss = self.loss(queries, own_rows(keys), negatives=self.queue.clone())
        self._remember(keys)
        return {"loss": loss}

    @torch.no_grad()
    def _remember(self, keys: Tensor) -> None:
        # In place: a recorded step finds the queue where it was.
        self.queue.copy_(torch.cat([keys.float(), self.queue])[: len(self.queue)])

    @torch.no_grad()
    def _keys(self, view: Tensor) -> Tensor:
        """The keys of all ranks, `[ranks · N, projector_out]`."""
        # Shuffled, so that a key is normalized with other images than its query.
        others, undo = shuffled(view)
        keys: Tensor = self.key_projector(self.instances.embed(self.key_encoder, others))
        return undo(keys.view(len(view), -1, keys.shape[1])).flatten(0, 1)
