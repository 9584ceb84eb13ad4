"""Pieces of an image, each encoded as an image of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.models.encoder import Encoder, standardise
from captcha_ssl.views.crops import cut


def embed_pieces(encoder: Encoder, images: Tensor, lefts: Tensor, width: int) -> Tensor:
    """The mean frame of every piece, `[B, P, D]`.

    Cuts uint8 `[B, C, H, W]` at pixel columns `lefts` int64 `[P, B]`, `width` pixels wide. Every
    piece is standardised by itself, so that brightness does not tell which pieces were
    neighbours, and padded alike by the encoder, so that no edge tells its place.
    """
    pieces = torch.cat([cut(images, left, width) for left in lefts])
    embedded: Tensor = encoder(standardise(pieces)).mean(1)
    return embedded.view(len(lefts), len(images), -1).transpose(0, 1)
