from __future__ import annotations

import pytest
import torch

from captcha_ssl.errors import UserError
from captcha_ssl.methods.instances import Crops, build_instances
from captcha_ssl.methods.settings import INSTANCES, InstanceSettings
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.views.settings import ViewSettings

STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))


def _images(batch: int = 6) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (batch, 1, 32, 96), dtype=torch.uint8)


def test_crop_embeddings_of_both_views_belong_to_the_same_crop() -> None:
    """Still views are equal pixels: only neighbors in the joined image differ."""
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = build_instances(InstanceSettings(crops=3, core=2), STILL)
    one, two = crops.views(_images())
    assert torch.allclose(one, two)
    a, b = crops.embed(encoder, one), crops.embed(encoder, two)
    assert a.shape == (18, encoder.dim)
    distance = torch.cdist(a - a.mean(0), b - b.mean(0))
    assert (distance.argmin(1) == torch.arange(18)).all()


def test_with_jitter_both_views_of_a_crop_are_cut_near_each_other() -> None:
    """Every pixel of a picture says its column here, so that a view tells where it was cut."""
    columns = torch.arange(96, dtype=torch.uint8).expand(6, 1, 32, 96)
    crops = build_instances(InstanceSettings(crops=3, jitter=5), STILL)
    deviation = columns[0].float().std(correction=0).item()
    apart = set()
    for seed in range(20):
        torch.manual_seed(seed)
        one, two = (view[:, 0, 16, 8] * deviation for view in crops.views(columns))
        apart |= set((one - two).round().int().tolist())
    assert apart == set(range(-5, 6))
    still = build_instances(InstanceSettings(crops=3), STILL)
    one, two = still.views(columns)
    assert torch.equal(one, two)


def test_the_same_crop_meets_other_neighbors_in_each_view() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = build_instances(InstanceSettings(crops=3, core=8), STILL)
    one, _ = crops.views(_images())
    assert not torch.allclose(crops.embed(encoder, one), crops.embed(encoder, one), atol=1e-4)


def test_a_count_of_crops_that_does_not_fill_the_last_image_is_embedded_too() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = build_instances(InstanceSettings(crops=1), STILL)
    one, _ = crops.views(_images(batch=5))
    assert crops.embed(encoder, one).shape == (5, encoder.dim)


def test_the_embedding_of_a_crop_is_the_mean_of_the_middle_of_its_frames() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    crops = Crops(InstanceSettings(crops=3, core=3, crop_width=32), STILL)
    view, _ = crops.views(_images(batch=7))
    torch.manual_seed(1)
    frames = crops.frames(encoder, view)
    torch.manual_seed(1)
    assert frames.shape == (21, 8, encoder.dim)
    assert torch.allclose(crops.embed(encoder, view), frames[:, 2:5].mean(1), atol=1e-6)


def test_a_still_view_of_a_crop_is_the_plain_crop() -> None:
    crops = Crops(InstanceSettings(), STILL)
    cut = crops.cut(_images())
    assert torch.allclose(crops.view(cut), crops.plain(cut), atol=1e-4)


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


def test_crops_that_do_not_fit_are_refused() -> None:
    build_instances(InstanceSettings(crop_width=32), STILL).check(32)
    with pytest.raises(UserError, match="31 pixels wide are too narrow for crops of 32"):
        build_instances(InstanceSettings(crop_width=32), STILL).check(31)
    with pytest.raises(UserError, match="crop_width = 30: use a multiple of 4"):
        build_instances(InstanceSettings(crop_width=30), STILL).check(96)


@pytest.mark.parametrize(
    ("name", "width"), [("crop", 3 * 32 + 2 * 2), ("window", 96), ("frame", 96 + 16), ("image", 96)]
)
def test_a_view_is_one_picture_per_image(name: str, width: int) -> None:
    """Images of one brightness slope each: every picture shows its own image."""
    chosen = build_instances(InstanceSettings(instances=name), STILL)
    images = torch.zeros(5, 1, 32, 96, dtype=torch.uint8)
    for row, image in enumerate(images):
        image[:, row] = 255
    picture = chosen.picture(chosen.views(images)[0])
    assert picture.shape == (5, 1, 32, width)
    assert picture.nan_to_num().amax((1, 3)).argmax(1).tolist() == [0, 1, 2, 3, 4]


def test_frames_of_both_views_are_the_same_pixels_at_another_place() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    frames = build_instances(InstanceSettings(instances="frame", frame_shift=6), STILL)
    one, two = frames.views(_images(batch=4))
    a, b = frames.embed(encoder, one), frames.embed(encoder, two)
    assert a.shape == (4 * 24, encoder.dim)
    assert not torch.allclose(a, b, atol=1e-4)
    # Far from the edges the place of a picture changes nothing.
    inner = torch.arange(96).view(4, 24)[:, 8:16].flatten()
    assert torch.allclose(a[inner], b[inner], atol=1e-5)


def test_frames_without_a_shift_are_those_of_the_encoder() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    frames = build_instances(InstanceSettings(instances="frame", frame_shift=0), STILL)
    one, _ = frames.views(_images(batch=2)[..., :90])
    assert torch.allclose(frames.embed(encoder, one), encoder(one).flatten(0, 1), atol=1e-6)


def test_an_image_is_the_mean_of_its_frames() -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    images = build_instances(InstanceSettings(instances="image"), STILL)
    one, _ = images.views(_images(batch=3))
    assert torch.allclose(images.embed(encoder, one), encoder(one).mean(1), atol=1e-6)


@pytest.mark.parametrize("name", INSTANCES)
def test_the_rows_of_a_view_give_equally_many_instances_side_by_side(name: str) -> None:
    encoder = build_encoder("tiny", 1, 32).eval()
    chosen = build_instances(InstanceSettings(instances=name, core=2, frame_shift=0), STILL)
    view, _ = chosen.views(_images())
    order = torch.randperm(len(view), generator=torch.Generator().manual_seed(3))
    whole, shuffled = chosen.embed(encoder, view), chosen.embed(encoder, view[order])
    wanted = whole.view(len(view), -1, encoder.dim)[order].flatten(0, 1)
    distance = torch.cdist(shuffled - shuffled.mean(0), wanted - wanted.mean(0))
    assert (distance.argmin(1) == torch.arange(len(wanted))).all()


def test_frames_of_two_whole_views_stay_together_whatever_the_strengths() -> None:
    """A bar near the end of a wide image stays within two frames of its place."""
    images = torch.full((64, 1, 32, 160), 240, dtype=torch.uint8)
    images[..., 12:20, 148:152] = 10
    windows = build_instances(
        InstanceSettings(instances="window"), STILL.replace(rotation=25, scale=0.25)
    )
    one, _ = windows.views(images)
    place = one[:, 0].amin(1).argmin(1)
    assert (place - 150).abs().max() <= 8
