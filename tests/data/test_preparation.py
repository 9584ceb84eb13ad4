"""What a preparation does to pixels, and that it travels with the geometry."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.data.choose_preparation import contradiction
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.pixel_settings import PixelSettings
from captcha_ssl.data.preparation import Preparation, to_gray
from captcha_ssl.documents import typed
from captcha_ssl.models.model_card import ModelCard, parse_card


def paper(height: int = 50, width: int = 120, tone: int = 240) -> np.ndarray:
    return np.full((height, width, 3), tone, np.uint8)


def test_an_empty_preparation_is_false_and_changes_no_pixel(draw):
    assert not Preparation()
    assert (
        Preparation(flatten="closing") and Preparation(gray="minimum") and Preparation(trim="box")
    )
    image = draw(3)
    assert np.array_equal(Preparation().apply(image), image)
    assert np.array_equal(Geometry(1, 32, 96).fit(image), Geometry(1, 32, 96, None).fit(image))


def test_a_gradient_is_removed_and_faint_ink_is_as_black_as_a_thick_line():
    slope = np.linspace(120, 250, 120)[None, :, None] * np.ones((50, 1, 3))
    image = slope.astype(np.uint8)
    image[10:40, 30:32] -= 30
    image[44:48] = 0
    flat = Preparation(flatten="closing", level=30, window=0.4).apply(image)
    assert flat[5:40, 50:110].min() > 235
    assert flat[20:30, 30:32].max() < 20
    assert flat[46, 60:].max() == 0


@pytest.mark.parametrize("how", ["closing", "median"])
@pytest.mark.parametrize("ink", ["light", "both"])
def test_light_ink_becomes_dark_on_white(how: str, ink: str):
    image = paper(tone=60)
    image[10:40, 30:33] = 130
    flat = Preparation(flatten=how, ink=ink, level=70, window=0.3).apply(image)
    assert flat[25, 31].max() < 5 and flat[25, 80].min() > 250


def test_yellow_ink_is_faint_in_luminance_and_strong_in_the_minimum_of_the_channels():
    image = paper(tone=255)
    image[20:30, 50:60] = (255, 245, 20)
    assert Geometry(1, 50, 120).fit(image)[0, 25, 55] > 210
    prepared = Geometry(1, 50, 120, Preparation(gray="minimum"))
    assert prepared.fit(image)[0, 25, 55] == 20
    assert prepared.fit(image)[0, 5, 5] == 255


def test_gray_along_a_direction_separates_colors_of_equal_lightness():
    red, green = (200, 100, 100), (100, 151, 100)
    image = np.array([[red, green]], np.uint8)
    plain = to_gray(image, "luminance", ()).astype(int)
    along = to_gray(image, "direction", (0.7, -0.7, 0.0)).astype(int)
    assert abs(int(plain[0, 0]) - int(plain[0, 1])) < 5
    assert along[0, 0] - along[0, 1] > 70


def test_one_box_cuts_every_image_the_same_whatever_its_size():
    preparation = Preparation(trim="box", box=(0.25, 0.5, 0.75, 1.0))
    assert preparation.apply(paper(40, 80)).shape == (20, 40, 3)
    assert preparation.apply(paper(20, 200)).shape == (10, 100, 3)


def test_an_image_is_cut_to_its_own_ink_with_a_margin():
    image = paper(100, 300)
    image[40:60, 200:240] = 10
    cut = Preparation(trim="image", margin=0.25).apply(image)
    assert cut.shape == (20 + 2 * 6, 40 + 2 * 6, 3)
    assert Preparation(trim="image").apply(paper()).shape == paper().shape


def test_local_contrast_is_equalized():
    image = paper(60, 200, 200)
    image[:, ::4] -= 20
    image[:, 100::4] -= 100
    out = Preparation(normalize=0.3).apply(image).astype(float)[..., 0]
    left, right = out[:, 20:80].std(), out[:, 120:180].std()
    assert 0.8 < left / right < 1.25
    assert image[:, 120:180].std() > 4 * image[:, 20:80].std()


@pytest.mark.parametrize(
    "wrong",
    [{"box": (0.5, 0, 0.5, 1)}, {"level": 0}, {"trim": "all"}, {"gray": "blue"}, {"window": 2}],
)
def test_an_impossible_preparation_is_refused(wrong: dict):
    with pytest.raises(ValueError, match="not a preparation"):
        Preparation(**wrong)


def test_a_card_keeps_the_preparation_and_an_old_card_has_none():
    chosen = Preparation(flatten="closing", gray="minimum", trim="box", box=(0.1, 0.2, 0.9, 0.8))
    card = ModelCard("encoder", "tiny", Geometry(1, 32, 96, chosen))
    assert parse_card(Path("x"), card.to_json()) == card
    old = '{"version": 1, "kind": "encoder", "encoder": "tiny", "geometry": '
    old += '{"channels": 1, "height": 32, "width": 96}}'
    assert parse_card(Path("x"), old).geometry == Geometry(1, 32, 96)
    assert typed(Preparation, asdict(chosen)) == chosen


def test_a_prepared_image_has_the_geometry_whatever_its_size(draw):
    prepared = Geometry(1, 32, 96, Preparation(flatten="median", trim="image", gray="minimum"))
    for height, width in ((1, 1), (3, 200), (200, 3), (20, 60)):
        assert prepared.fit(draw(1, height, width)).shape == (1, 32, 96)
    assert cv2.countNonZero(prepared.fit(paper())[0])


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({}, None),
        ({"prepare": "auto", "flatten": "auto"}, None),
        ({"flatten": "closing", "gray": "minimum", "flatten_level": 50.0}, None),
        ({"prepare": "none", "flatten": "closing", "gray": "minimum"}, None),
        ({"prepare": "none"}, "prepare"),
        ({"prepare": "none", "flatten": "closing"}, "prepare"),
        ({"flatten": "median"}, "flatten"),
        ({"flatten": "none"}, "flatten"),
        ({"trim": "image"}, "trim"),
        ({"normalize": 0.5}, "normalize"),
        ({"flatten_window": 0.2}, "flatten_window"),
    ],
)
def test_a_setting_contradicts_a_preparation_or_agrees_with_it(asked: dict, key: str | None):
    held = Preparation(flatten="closing", window=0.3, level=50.0, gray="minimum")
    assert contradiction(PixelSettings(**asked), held) == key


def test_without_a_preparation_only_steps_contradict():
    assert contradiction(PixelSettings(prepare="none", trim="none"), None) is None
    assert contradiction(PixelSettings(trim="box"), None) == "trim"
