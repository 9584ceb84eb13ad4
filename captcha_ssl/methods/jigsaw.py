"""Jigsaw: predict the order of shuffled pieces of a line of text."""

from __future__ import annotations

import math
from itertools import permutations

import torch
from torch import Tensor

from captcha_ssl.errors import UserError
from captcha_ssl.methods.classification import classification_figures, classification_head
from captcha_ssl.methods.method import Method
from captcha_ssl.methods.pictures import side_by_side
from captcha_ssl.methods.pieces import cut_pieces, embed_pieces
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.frames import STRIDE
from captcha_ssl.models.task import Progress
from captcha_ssl.settings import Settings, setting

_NARROWEST = 8


class JigsawSettings(Settings):
    """Settings of the jigsaw (Noroozi & Favaro 2016), with pieces along the text."""

    pieces: int = setting(4, "pieces of an image", low=2, high=6)
    orders: int = setting(24, "orders to distinguish, at most (pieces)!", low=2)
    piece_gap: int = setting(4, "smallest gap between two pieces, pixels", low=0)
    piece_jitter: int = setting(2, "smallest range of a piece's random position, pixels", low=0)


class Jigsaw(Method):
    """Encoder and a head that predicts the order from the joined mean frames of the pieces."""

    settings_classes = (JigsawSettings,)
    peak_lr = 1e-3
    orders: Tensor

    def __init__(self, encoder: Encoder, settings: JigsawSettings) -> None:
        super().__init__(encoder)
        self.settings = settings
        orders = torch.tensor(distant_orders(settings.pieces, settings.orders))
        self.register_buffer("orders", orders, persistent=False)
        self.head = classification_head(settings.pieces * encoder.dim, len(orders))

    def forward(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        pieces, order = self.puzzle(images)
        embedded = in_order(embed_pieces(self.encoder, pieces), self.orders[order])
        return classification_figures(self.head(embedded.flatten(1)), order)

    def check(self, images: Tensor) -> None:
        width, settings = images.shape[3], self.settings
        if self._piece_width(width) < _NARROWEST:
            raise UserError(
                f"images {width} pixels wide are too narrow for {settings.pieces} pieces of "
                f"{_NARROWEST} pixels; lower pieces, piece_gap or piece_jitter"
            )

    def preview(self, images: Tensor) -> dict[str, Tensor]:
        pieces, order = self.puzzle(images)
        mixed = in_order(pieces.transpose(0, 1), self.orders[order]).transpose(0, 1)
        return {
            "input: pieces in some order": side_by_side(mixed),
            "target: their true order": side_by_side(pieces),
        }

    def puzzle(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pieces float `[pieces, B, C, H, w]` from left to right, and their order, `[B]`."""
        lefts, width = self.places(len(images), images.shape[3], images.device)
        order = torch.randint(len(self.orders), (len(images),), device=images.device)
        return cut_pieces(images, lefts, width), order

    def places(self, batch: int, width: int, device: torch.device) -> tuple[Tensor, int]:
        """Left edges int64 `[pieces, batch]` in images `width` pixels wide, and a piece's width.

        Each piece has a random position in its own equal part of the image minus the gap, so that
        neighbors never touch.
        """
        settings, piece = self.settings, self._piece_width(width)
        cell = width // settings.pieces
        room = cell - settings.piece_gap
        moved = torch.randint(room - piece + 1, (settings.pieces, batch), device=device)
        return moved + torch.arange(settings.pieces, device=device)[:, None] * cell, piece

    def _piece_width(self, width: int) -> int:
        settings = self.settings
        room = width // settings.pieces - settings.piece_gap - settings.piece_jitter
        return room // STRIDE * STRIDE


def in_order(things: Tensor, order: Tensor) -> Tensor:
    """Each row of `[B, P, …]`, reordered by its row of int64 `[B, P]`."""
    rows = torch.arange(len(things), device=things.device)[:, None]
    return things[rows, order]


def distant_orders(pieces: int, count: int) -> list[tuple[int, ...]]:
    """`count` orders of `pieces` things, each as different from the earlier ones as possible.

    Greedy in the smallest Hamming distance to those chosen (Noroozi & Favaro 2016, algorithm 1),
    starting with the identity. Raises UserError if there are too few orders.
    """
    if count > math.factorial(pieces):
        raise UserError(
            f"{pieces} pieces have {math.factorial(pieces)} orders; lower orders = {count}"
        )
    left = list(permutations(range(pieces)))
    nearest = [pieces + 1] * len(left)
    chosen: list[tuple[int, ...]] = []
    while len(chosen) < count:
        best = nearest.index(max(nearest))
        chosen.append(left.pop(best))
        nearest.pop(best)
        apart = [sum(a != b for a, b in zip(chosen[-1], o, strict=True)) for o in left]
        nearest = [min(pair) for pair in zip(nearest, apart, strict=True)]
    return chosen
