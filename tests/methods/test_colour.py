from __future__ import annotations

import cv2
import numpy as np
import torch

from captcha_ssl.methods.colour import to_lab


def test_lab_is_that_of_opencv() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    rgb[0, :4] = ((0, 0, 0), (255, 255, 255), (1, 2, 3), (255, 0, 0))
    expected = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    found = to_lab(torch.from_numpy(rgb).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    assert np.allclose(found.numpy(), expected, atol=0.35)


def test_grey_has_no_chroma() -> None:
    grey = torch.arange(256, dtype=torch.uint8).expand(1, 3, 1, 256)
    assert to_lab(grey)[:, 1:].abs().max() < 0.01
