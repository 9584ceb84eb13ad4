from __future__ import annotations

import cv2
import numpy as np
import torch

from captcha_ssl.methods.color import from_lab, to_lab


def test_lab_is_that_of_opencv() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    rgb[0, :4] = ((0, 0, 0), (255, 255, 255), (1, 2, 3), (255, 0, 0))
    expected = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    found = to_lab(torch.from_numpy(rgb).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    assert np.allclose(found.numpy(), expected, atol=0.35)


def test_lab_leads_back_to_the_same_colors() -> None:
    rgb = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    rgb[0, :, 0] = torch.arange(16, dtype=torch.uint8)
    assert torch.allclose(from_lab(to_lab(rgb)) * 255, rgb.float(), atol=0.5)


def test_a_color_that_no_screen_shows_is_clipped() -> None:
    lab = torch.tensor([50.0, 100.0, -100.0]).view(1, 3, 1, 1)
    shown = from_lab(lab)
    assert shown.min() >= 0
    assert shown.max() <= 1


def test_gray_has_no_chroma() -> None:
    gray = torch.arange(256, dtype=torch.uint8).expand(1, 3, 1, 256)
    assert to_lab(gray)[:, 1:].abs().max() < 0.01
