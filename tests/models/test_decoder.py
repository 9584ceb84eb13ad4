from __future__ import annotations

import torch

from captcha_ssl.models.decoder import Decoder
from captcha_ssl.models.discriminator import build_discriminator


def test_frames_are_drawn_from_left_to_right() -> None:
    """A changed frame changes its own strip and those beside it, and no other."""
    torch.manual_seed(0)
    decoder = Decoder(6, 3, 8, 4).eval()
    frames = torch.randn(2, 9, 6)
    drawn = decoder(frames)
    assert drawn.shape == (2, 3, 8, 36)
    frames[0, 5] += 1
    changed = (decoder(frames) - drawn).abs().amax((1, 2))
    assert not changed[1].any()
    assert changed[0].nonzero().flatten().tolist() == list(range(16, 28))


def test_there_is_an_output_for_every_four_by_four_pixels() -> None:
    assert build_discriminator(3, 8)(torch.rand(2, 3, 32, 64)).shape == (2, 1, 8, 16)
