"""Pieces of an image, each standardized and encoded as a separate image."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.models.encoder import Encoder, standardize
from captcha_ssl.views.crops import cut


def cut_pieces(images: Tensor, lefts: Tensor, width: int) -> Tensor:
    """Pieces float `[P, B, C, H, width]` of uint8 `[B, C, H, W]` at columns `lefts` int64 `[P, B]`.

    Every piece is standardized separately, so that brightness does not reveal neighbors.
    """
    return torch.stack([standardize(cut(images, left, width)) for left in lefts])


def embed_pieces(encoder: Encoder, pieces: Tensor) -> Tensor:
    """The mean frame of every piece of `[P, B, C, H, w]`, `[B, P, D]`.

    The encoder pads all pieces in the same way, so that no edge reveals a position.
    """
    embedded: Tensor = encoder(pieces.flatten(0, 1)).mean(1)
    return embedded.view(*pieces.shape[:2], -1).transpose(0, 1)
