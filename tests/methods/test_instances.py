from __future__ import annotations

import torch

from captcha_ssl.methods.instances import InstanceSettings, build_instances
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.views.settings import ViewSettings

STILL = ViewSettings(*[0] * 12)


def _images(batch: int = 6) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (batch, 1, 32, 96), dtype=torch.uint8)


def test_crop_embeddings_of_both_views_belong_to_the_same_crop() -> None:
    """Still views are equal pixels: only neighbours in the joined image differ."""
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = build_instances(InstanceSettings(crops=3, core=2), STILL)
    one, two = crops.views(_images())
    assert torch.allclose(one, two)
    a, b = crops.embed(encoder, one), crops.embed(encoder, two)
    assert a.shape == (18, encoder.dim)
    distance = torch.cdist(a - a.mean(0), b - b.mean(0))
    assert (distance.argmin(1) == torch.arange(18)).all()


def test_the_same_crop_meets_other_neighbours_in_each_view() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = build_instances(InstanceSettings(crops=3, core=8), STILL)
    one, _ = crops.views(_images())
    assert not torch.allclose(crops.embed(encoder, one), crops.embed(encoder, one), atol=1e-4)


def test_a_count_of_crops_that_does_not_fill_the_last_image_is_embedded_too() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = build_instances(InstanceSettings(crops=1), STILL)
    one, _ = crops.views(_images(batch=5))
    assert crops.embed(encoder, one).shape == (5, encoder.dim)


def test_windows_are_the_mean_of_five_frames_side_by_side() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    windows = build_instances(InstanceSettings(instances="window"), STILL)
    view, _ = windows.views(_images(batch=2))
    frames = encoder(view)
    embedded = windows.embed(encoder, view).view(2, 4, encoder.dim)
    assert torch.allclose(embedded[1, 2], frames[1, 10:15].mean(0), atol=1e-5)


def test_an_image_narrower_than_a_crop_is_embedded_too() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = build_instances(InstanceSettings(), ViewSettings())
    one, two = crops.views(_images()[..., :20])
    assert crops.embed(encoder, one).shape == crops.embed(encoder, two).shape == (18, encoder.dim)
