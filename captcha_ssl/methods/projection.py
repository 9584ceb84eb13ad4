"""The projector on top of the encoder, which is discarded after pretraining."""

from __future__ import annotations

from torch import nn

from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.heads import projector
from captcha_ssl.settings import Settings, setting


class ProjectorSettings(Settings):
    """Size of the projector."""

    projector_hidden: int = setting(256, "hidden width of the projector", low=1)
    projector_out: int = setting(128, "width of the projections", low=1)
    projector_layers: int = setting(2, "linear layers of the projector", low=1)


def build_projector(
    encoder: Encoder, settings: ProjectorSettings, *, last_norm: bool = True
) -> nn.Sequential:
    """Embeddings `[N, encoder.dim]` → projections `[N, projector_out]`; see `heads.projector`."""
    return projector(
        encoder.dim,
        settings.projector_hidden,
        settings.projector_out,
        settings.projector_layers,
        last_norm=last_norm,
    )
