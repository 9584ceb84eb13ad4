from __future__ import annotations

import torch

from captcha_ssl.methods.pieces import cut_pieces, embed_pieces
from captcha_ssl.models.encoder import build_encoder, standardize


def _images() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 100, (3, 1, 32, 64), dtype=torch.uint8)


def test_pieces_are_laid_out_by_image_and_place() -> None:
    encoder, images = build_encoder("tiny", 1, 32).eval(), _images()
    lefts = torch.tensor([[0, 4, 8], [30, 34, 38]])
    embedded = embed_pieces(encoder, cut_pieces(images, lefts, 16))
    assert embedded.shape == (3, 2, encoder.dim)
    alone = encoder(standardize(images[2:, :, :, 38:54])).mean(1)
    assert torch.allclose(embedded[2, 1], alone[0], atol=1e-5)


def test_brightness_and_contrast_of_a_piece_are_removed() -> None:
    encoder, images = build_encoder("tiny", 1, 32).eval(), _images()
    changed = images.clone()
    changed[..., 32:] = images[..., 32:] * 2 + 50
    lefts = torch.tensor([[40] * 3])
    before, after = (embed_pieces(encoder, cut_pieces(x, lefts, 16)) for x in (images, changed))
    assert torch.allclose(before, after, atol=1e-4)
