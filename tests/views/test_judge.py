"""When a view has lost the text."""

from __future__ import annotations

import torch
from torch import Tensor

from captcha_ssl.models.encoder import standardize
from captcha_ssl.views.judge import added_over_text, fine_detail
from captcha_ssl.views.settings import ViewSettings


def strokes(contrast: float) -> Tensor:
    """Standardized images with a strong line across and strokes of the given share of it."""
    pixels = torch.full((64, 1, 32, 64), 240.0)
    pixels[..., 4:28, 8:60:6] -= 200 * contrast
    pixels[..., 14:17, :] = 40
    return standardize(pixels)


def test_the_default_views_keep_strong_text_readable_and_bury_faint_text() -> None:
    torch.manual_seed(0)
    views = ViewSettings(lines=0.0)
    strong = added_over_text(strokes(1.0), views, contrast=2.5)
    faint = added_over_text(strokes(0.1), views, contrast=0.4)
    assert (strong > 2).float().mean() < 0.02
    assert (faint > 2).float().mean() > 0.4
    scaled = views.replace(ink_contrast=0.4, ink_strongest=10.0)
    assert (added_over_text(strokes(0.1), scaled, contrast=0.4) > 2).float().mean() < 0.1


def test_the_identity_view_adds_nothing() -> None:
    still = ViewSettings(strokes=0, dots=0, lines=0, blur=0, noise=0, thickness=0)
    assert not added_over_text(strokes(1.0), still, contrast=1.0).any()


def test_a_blank_crop_has_no_fine_detail() -> None:
    assert fine_detail(torch.ones(3, 1, 8, 8)).max() == 0
    assert fine_detail(torch.randn(3, 1, 8, 8)).min() > 0.5
