from __future__ import annotations

import pytest
import torch
from torch import Tensor

from captcha_ssl.models.encoder import standardize
from captcha_ssl.views.clutter import clutter, ink
from captcha_ssl.views.crops import cut, inked_positions, join, spread_positions
from captcha_ssl.views.settings import ViewSettings, gentle_views
from captcha_ssl.views.thickness import vary_thickness
from captcha_ssl.views.tone import vary_tone
from captcha_ssl.views.view import random_view
from captcha_ssl.views.warp import warp

STILL = ViewSettings(**dict.fromkeys(ViewSettings.model_fields, 0))


@pytest.fixture
def images() -> Tensor:
    """Dark bars on white at column 20 of 60."""
    torch.manual_seed(0)
    pixels = torch.full((40, 1, 32, 60), 240, dtype=torch.uint8)
    pixels[..., 6:26, 20:23] = 30
    return standardize(pixels)


def test_with_every_strength_zero_a_view_is_the_image(images: Tensor) -> None:
    assert torch.allclose(random_view(images, STILL), images, atol=1e-4)


@pytest.mark.parametrize("settings", [ViewSettings(), gentle_views()])
def test_views_differ_between_images_and_draws_and_follow_the_seed(
    images: Tensor, settings: ViewSettings
) -> None:
    torch.manual_seed(1)
    one, two = random_view(images, settings), random_view(images, settings)
    torch.manual_seed(1)
    again = random_view(images, settings)
    assert torch.equal(one, again)
    assert (one - two).abs().mean() > 0.05
    assert (one[0] - one[1]).abs().mean() > 0.05
    assert one.shape == images.shape
    assert one.isfinite().all()


def test_no_view_is_ever_mirrored(images: Tensor) -> None:
    """The bar stands left of the center and stays there."""
    view = random_view(images, STILL.replace(rotation=10, shear=0.2, scale=0.1, shift=2, elastic=1))
    columns = torch.arange(60.0)
    darkness = (view.amax((2, 3), keepdim=True) - view)[:, 0].sum(1)
    place = (darkness * columns).sum(1) / darkness.sum(1)
    assert place.max() < 29.5


@pytest.mark.parametrize("pixels", [1, 2, 4])
def test_a_shift_moves_by_at_most_the_setting(images: Tensor, pixels: int) -> None:
    moved = warp(images, STILL.replace(shift=pixels))
    bar = moved[:, 0].amin(1).argmin(1).float() - 21
    assert 0.3 * pixels < bar.abs().max() <= pixels + 1


def test_a_rotation_turns_about_the_center(images: Tensor) -> None:
    dot = torch.zeros(64, 1, 33, 33)
    dot[..., 16, 16] = 1
    turned = warp(dot, STILL.replace(rotation=90))
    assert torch.allclose(turned[..., 16, 16], torch.ones(64, 1), atol=1e-3)


def fetched(settings: ViewSettings) -> Tensor:
    """Where pixels of 200 views come from, read off a picture of coordinates."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(60.0), indexing="ij")
    return warp(torch.stack([columns, rows]).expand(200, 2, 32, 60), settings)[:, :, 9:23, 12:48]


def off_the_best_affine_map(places: Tensor) -> Tensor:
    """What no affine map of the coordinates explains of them, pixels."""
    rows, columns = torch.meshgrid(torch.arange(14.0), torch.arange(36.0), indexing="ij")
    known = torch.stack([columns, rows, torch.ones(14, 36)], -1).view(-1, 3).double()
    values = places.double().permute(2, 3, 0, 1).reshape(14 * 36, -1)
    return values - known @ torch.linalg.lstsq(known, values).solution


def test_without_the_elastic_part_a_warp_is_affine() -> None:
    """The control grid is coarse, and yet nothing is lost."""
    torch.manual_seed(3)
    turned = fetched(STILL.replace(rotation=10, shear=0.2, scale=0.1, shift=2))
    assert off_the_best_affine_map(turned).abs().max() < 1e-3


def test_the_elastic_part_bends_by_its_own_number_of_pixels() -> None:
    torch.manual_seed(3)
    bent = off_the_best_affine_map(fetched(STILL.replace(rotation=10, elastic=1.5)))
    assert 0.4 < bent.std() < 1.2


def test_a_narrower_view_is_the_middle_of_the_image(images: Tensor) -> None:
    assert torch.allclose(warp(images, STILL, width=40), images[..., 10:50], atol=1e-4)


def test_ink_is_the_color_of_the_strokes_on_light_and_dark_ground(images: Tensor) -> None:
    assert torch.equal(ink(images)[0, 0, 0, 0], images[0].min())
    assert torch.equal(ink(-images)[0, 0, 0, 0], (-images[0]).max())


def test_clutter_only_adds_ink(images: Tensor) -> None:
    for drawn in ({"strokes": 3}, {"dots": 40.0}, {"lines": 1.0}, {"strokes": 3, "dots": 40.0}):
        cluttered = clutter(images, STILL.replace(**drawn))
        changed = cluttered != images
        assert 0.001 < changed.float().mean() < 0.3
        assert (cluttered[changed] < images[changed] + 1e-6).all()


def test_the_expected_number_of_dots_is_drawn() -> None:
    """From none to twelve, so six on average, of four pixels each; few of them overlap."""
    torch.manual_seed(0)
    plain = torch.zeros(3000, 1, 32, 88)
    plain[..., 0, 0] = 1
    covered = (clutter(plain, STILL.replace(dots=12.0))[:, 0, 1:, 1:] > 0).sum((1, 2)).float()
    assert 22.5 < covered.mean() < 24.0
    assert covered.max() > 60 and (covered == 0).float().mean() > 0.05


def test_half_of_the_strokes_are_drawn() -> None:
    torch.manual_seed(0)
    plain = torch.zeros(3000, 1, 32, 60)
    plain[..., 0, 0] = 1
    drawn = (clutter(plain, STILL.replace(strokes=1))[:, 0].flatten(1).sum(1) > 1.5).float().mean()
    assert 0.45 < drawn < 0.53


def test_thickness_changes_about_the_requested_share() -> None:
    many = torch.randn(400, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    changed = (vary_thickness(many, 0.5) != many).flatten(1).any(1).float().mean()
    assert 0.4 < changed < 0.6
    assert torch.equal(vary_thickness(many, 0.0), many)


def test_contrast_noise_and_blur_keep_within_their_strengths(images: Tensor) -> None:
    toned = vary_tone(images, STILL.replace(contrast=0.5))
    ratio = toned.std((1, 2, 3)) / images.std((1, 2, 3))
    assert 0.6 < ratio.min() < 0.75
    assert 1.3 < ratio.max() < 1.65
    noise = vary_tone(images, STILL.replace(noise=0.2)) - images
    assert 0.1 < noise.std((1, 2, 3)).max() < 0.22
    blurred = vary_tone(images, STILL.replace(blur=1.0))
    assert blurred.std() < images.std()
    some = vary_tone(images, STILL.replace(blur=0.3))
    assert (some != images).flatten(1).any(1).sum() == 12


def test_cut_takes_the_requested_columns_and_repeats_the_edge() -> None:
    row = torch.arange(10.0).view(1, 1, 1, 10).repeat(3, 1, 2, 1)
    got = cut(row, torch.tensor([0, 4, 8]), 4)
    assert got[:, 0, 0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9]]
    assert cut(row, torch.tensor([-2, 0, 0]), 4)[0, 0, 0].tolist() == [0, 0, 0, 1]


def test_spread_positions_stay_in_their_parts() -> None:
    places = spread_positions(500, 3, 59, torch.device("cpu"))
    assert places.shape == (3, 500)
    for part, row in enumerate(places):
        assert part * 20 <= row.min() <= part * 20 + 1
        assert part * 20 + 18 <= row.max() <= part * 20 + 19


def test_a_line_crosses_the_requested_share_of_images_and_differs_between_views() -> None:
    torch.manual_seed(0)
    plain = torch.zeros(2000, 1, 32, 60)
    plain[..., 0, 0] = 1
    one = clutter(plain, STILL.replace(lines=0.4))[:, 0]
    columns = (one[:, 1:] > 0).any(1).float().mean(1)
    assert 0.24 < (columns > 0.95).float().mean() < 0.42
    two = clutter(plain, STILL.replace(lines=0.4))[:, 0]
    assert (one != two).flatten(1).any(1).float().mean() > 0.5


def test_faint_ink_gets_faint_noise_and_faint_clutter(images: Tensor) -> None:
    usual = STILL.replace(noise=0.2, brightness=0.3)
    faint = usual.replace(ink_contrast=0.5)
    strong = usual.replace(ink_contrast=3.0)
    added = []
    for settings in (usual, faint, strong):
        torch.manual_seed(0)
        added.append(vary_tone(images, settings) - images)
    assert torch.allclose(added[1], added[0] / 4, atol=1e-5)
    assert torch.equal(added[2], added[0])
    drawn = STILL.replace(strokes=2, dots=20.0, lines=0.5)
    torch.manual_seed(0)
    full = clutter(images, drawn) - images
    torch.manual_seed(0)
    weak = clutter(images, drawn.replace(ink_strongest=6.0)) - images
    assert torch.allclose(weak, full / 4, atol=1e-5)


def test_thin_strokes_are_blurred_and_thinned_less_and_get_thinner_clutter(images: Tensor) -> None:
    thin = {"ink_stroke": 0.875}
    for settings in (STILL.replace(blur=1.0), STILL.replace(thickness=1.0)):
        torch.manual_seed(0)
        full = random_view(images, settings) - images
        torch.manual_seed(0)
        half = random_view(images, settings.replace(**thin)) - images
        assert torch.allclose(half, full / 2, atol=1e-4)
    for drawn in (STILL.replace(strokes=3), STILL.replace(dots=20.0), STILL.replace(lines=1.0)):
        torch.manual_seed(0)
        wide = (clutter(images, drawn) - images).abs().sum()
        torch.manual_seed(0)
        narrow = (clutter(images, drawn.replace(**thin)) - images).abs().sum()
        assert 0.3 < narrow / wide < 0.85


def test_crops_are_drawn_where_there_is_ink_and_never_from_the_padding() -> None:
    torch.manual_seed(0)
    images = torch.full((400, 1, 32, 160), 1.0)
    images[:200, :, 10:22, 8:60:4] = -1.0
    images[200:, :, 10:22, 100:150:4] = -1.0
    lefts = inked_positions(images, 3, 32)
    assert lefts.shape == (3, 400)
    middle = lefts + 16
    assert (middle[:, :200] < 60 + 8).all() and (middle[:, 200:] > 100 - 8).all()
    assert all(len(part[:200].unique()) > 5 for part in lefts)
    assert (lefts[0, 200:] < lefts[2, 200:]).all()


def test_images_full_of_ink_or_without_any_are_cropped_everywhere() -> None:
    torch.manual_seed(0)
    for images in (torch.randn(500, 1, 32, 92), torch.zeros(500, 1, 32, 92)):
        places = inked_positions(images, 3, 32)
        for part, row in enumerate(places):
            assert part * 20 <= row.min() <= part * 20 + 2
            assert part * 20 + 17 <= row.max() <= part * 20 + 20
    assert not inked_positions(torch.randn(4, 1, 32, 20), 3, 32).any()


def test_join_puts_crops_side_by_side_in_order() -> None:
    crops = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 2, 2)
    joined = join(crops[torch.tensor([5, 0, 3, 1, 2, 4])], 3)
    assert joined.shape == (2, 1, 2, 6)
    assert joined[:, 0, 0].tolist() == [[5, 5, 0, 0, 3, 3], [1, 1, 2, 2, 4, 4]]
