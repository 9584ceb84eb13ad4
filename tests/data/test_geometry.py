from __future__ import annotations

import numpy as np
import pytest

from captcha_ssl.data.geometry import Geometry

GRAY = Geometry(1, 32, 96)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "size", [(1, 1), (1, 30_000), (3_000, 1), (32, 96), (24, 72), (80, 240), (90, 100), (10, 500)]
)
def test_any_size_becomes_the_geometry(channels: int, size: tuple[int, int]):
    fitted = Geometry(channels, 32, 96).fit(np.full((*size, 3), 7, np.uint8))
    assert fitted.shape == (channels, 32, 96)
    assert fitted.dtype == np.uint8
    assert (fitted == 7).all()


def test_the_right_size_is_left_untouched(draw):
    image = draw(height=32, width=96)
    assert np.array_equal(Geometry(3, 32, 96).fit(image), image.transpose(2, 0, 1))


def test_gray_pixels_keep_their_value():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(Geometry(1, 16, 16).fit(ramp)[0], ramp[..., 0])


def test_gray_weighs_colors_by_their_luminance():
    red, green, blue = (Geometry(1, 1, 1).fit(np.uint8([[c]])) for c in np.eye(3) * 255)
    assert [int(c.item()) for c in (red, green, blue)] == [76, 150, 29]


def test_a_narrow_image_keeps_its_aspect_and_is_padded_on_the_right_with_its_border():
    image = np.full((32, 32, 3), 200, np.uint8)
    image[8:24, 8:24] = 10
    fitted = GRAY.fit(image)[0]
    assert np.array_equal(fitted[:, :32], image[..., 0])
    assert (fitted[:, 32:] == 200).all()


@pytest.mark.parametrize("width", [82, 110])
def test_a_nearly_right_aspect_is_stretched_without_padding(width: int):
    image = np.full((32, width, 3), 255, np.uint8)
    image[:, -4:] = 0
    assert (GRAY.fit(image)[0, :, -2:] < 128).all()


def test_a_wide_image_is_squeezed_so_that_nothing_is_cut_off():
    image = np.full((32, 400, 3), 255, np.uint8)
    image[:, -40:] = 0
    fitted = GRAY.fit(image)[0]
    assert (fitted[:, -8:] == 0).all()
    assert (fitted[:, :80] == 255).all()


def test_shrinking_averages_so_that_thin_strokes_do_not_vanish():
    image = np.full((320, 960, 3), 255, np.uint8)
    image[:, 5::10] = 0
    assert np.ptp(GRAY.fit(image)) == 0
    assert abs(int(GRAY.fit(image)[0, 0, 0]) - 230) <= 1


def test_the_width_is_inferred_from_the_aspect_and_rounded_up_to_eight():
    sizes = [(50, 200)] * 10
    assert Geometry.infer(sizes, channels=1, height=32, width=None) == Geometry(1, 32, 128)
    sizes = [(50, 201)] * 10
    assert Geometry.infer(sizes, channels=1, height=32, width=None) == Geometry(1, 32, 136)


def test_a_few_very_wide_images_do_not_decide_the_width():
    sizes = [(32, 96)] * 999 + [(32, 9_000)]
    assert Geometry.infer(sizes, channels=1, height=32, width=None).width == 96


@pytest.mark.parametrize(("size", "width"), [((100, 1), 16), ((1, 30_000), 1024)])
def test_the_inferred_width_has_bounds(size: tuple[int, int], width: int):
    assert Geometry.infer([size], channels=3, height=32, width=None).width == width


def test_a_given_width_wins():
    assert Geometry.infer([(1, 1)], channels=3, height=40, width=100) == Geometry(3, 40, 100)


@pytest.mark.parametrize("values", [(2, 32, 96), (1, 0, 96), (1, 32, -1)])
def test_an_impossible_geometry_is_refused(values: tuple[int, int, int]):
    with pytest.raises(ValueError):
        Geometry(*values)


def test_ink_that_differs_from_the_paper_in_color_alone_is_seen_in_gray():
    image = np.full((32, 64, 3), (255, 0, 0), np.uint8)
    image[8:24, 10:30] = 0, 130, 0
    assert np.ptp(Geometry(1, 32, 64).fit(image)) > 100
