"""The test beds: each shows what it is named after, and its texts fit the frames of an encoder."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np
import pytest

from captcha_ssl.data.charset import frames_needed
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.frames import frames
from captcha_ssl.synthesis import jpeg, meter, onebit
from captcha_ssl.synthesis.beds import BEDS
from captcha_ssl.synthesis.canvas import Canvas
from captcha_ssl.synthesis.clutter import draw_bar
from captcha_ssl.synthesis.outlined import draw_outlined
from captcha_ssl.synthesis.painting import any_color, unlike
from captcha_ssl.synthesis.plate import draw_plate
from captcha_ssl.synthesis.render import render

SIX = ("outlined", "long", "onebit", "jpeg", "plate", "meter")


def test_there_is_a_bed_for_each_of_the_hard_styles() -> None:
    assert set(SIX) <= set(BEDS)
    assert all(BEDS[name].style == name for name in BEDS)


@pytest.mark.parametrize("name", sorted(BEDS))
def test_every_text_of_a_bed_fits_the_frames_that_its_pictures_give(name: str) -> None:
    settings = BEDS[name]
    fitted = Geometry.infer(
        [(settings.height, settings.width)], channels=1, height=32, width=None
    ).width
    longest = max(longest for _, longest in settings.lengths())
    # A text of one character alone needs a blank between any two.
    assert frames_needed("a" * longest) <= frames(fitted)
    pictures = [render(settings, index) for index in range(3)]
    assert {picture.shape for picture, _ in pictures} == {(3, settings.height, settings.width)}


def test_a_picture_of_one_bit_has_two_tones_however_it_is_made() -> None:
    settings = BEDS["onebit"].replace(channels=1)
    for index in range(40):
        assert len(np.unique(render(settings, index)[0])) == 2


@pytest.mark.parametrize("way", ["threshold", "ordered", "diffused", "random"])
def test_dithering_keeps_the_letters_darker_than_the_paper(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onebit, "_WAYS", (way,))
    ink = np.zeros((40, 80), np.uint8)
    ink[:, 40:] = 255
    for seed in range(10):
        share = onebit.to_one_bit(ink, Random(seed), Canvas(1, 40, 80))
        assert share[:, 40:].mean() > share[:, :40].mean() + 70


def test_jpeg_leaves_blocks_of_eight_pixels() -> None:
    noisy = np.random.default_rng(0).integers(90, 160, (3, 64, 96), np.uint8)
    stored = jpeg.squeeze(noisy, Random(3))
    assert stored.shape == noisy.shape and not np.array_equal(stored, noisy)
    steps = np.abs(np.diff(stored[1].astype(float), axis=1)).mean(axis=0)
    assert steps[7::8].mean() > np.delete(steps, np.s_[7::8]).mean()
    assert jpeg.squeeze(noisy[:1], Random(3)).shape == (1, 64, 96)


def test_the_colors_of_a_jpeg_stay_in_their_order() -> None:
    red = np.zeros((3, 32, 32), np.uint8)
    red[0] = 220
    stored = jpeg.squeeze(red, Random(0))
    assert stored[0].mean() > 190 and stored[2].mean() < 30


def test_an_outlined_letter_is_as_bright_inside_as_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captcha_ssl.synthesis.outlined.draw_bar", lambda *_, **__: None)
    inked = []
    for seed in range(12):
        picture = draw_outlined("III", Random(seed), Canvas(1, 80, 160))[0].astype(np.float32)
        flat = np.abs(picture - cv2.medianBlur(picture.astype(np.uint8), 21)) > 8
        inked.append(flat.mean())
    # Three solid bars of this height would cover twice as much.
    assert 0.005 < np.median(inked) < 0.12


def test_an_outlined_text_is_under_one_thick_black_line_of_its_own_course() -> None:
    courses = []
    for index in range(12):
        picture = render(BEDS["outlined"], index)[0].max(0)
        count, which, boxes, _ = cv2.connectedComponentsWithStats((picture < 64).astype(np.uint8))
        (across,) = np.flatnonzero(boxes[1:, cv2.CC_STAT_WIDTH] > 0.55 * picture.shape[1]) + 1
        assert boxes[across, cv2.CC_STAT_AREA] > 0.9 * boxes[1:, cv2.CC_STAT_AREA].sum()
        line = which == across
        assert np.median(line.sum(0)[line.any(0)]) >= 2
        courses.append(line[:, 100].argmax())
    assert np.ptp(courses) > 10, "in one look too"


def test_the_line_across_covers_most_of_the_width() -> None:
    for seed in range(30):
        layer = np.zeros((50, 200), np.uint8)
        draw_bar(layer, Random(seed), thick=5)
        assert (layer > 0).any(axis=0).mean() > 0.55


def test_segments_of_an_eight_are_those_of_every_other_digit() -> None:
    assert set(meter._SEGMENTS) >= set("0123456789")
    assert len({frozenset(bars) for bars in meter._SEGMENTS.values()}) == len(meter._SEGMENTS)
    lit = {digit: (meter._segments(digit, Random(4), 0) > 128).sum() for digit in "0178"}
    assert lit["1"] < lit["7"] < lit["0"] < lit["8"]


def test_a_plate_is_readable_by_its_relief_where_it_is_not_painted() -> None:
    for seed in range(40):
        picture = draw_plate("8H", Random(seed), Canvas(1, 60, 120))[0].astype(float)
        middle = picture[15:45, 20:100]
        assert np.ptp(middle) > 12


def test_ink_is_unlike_its_paper_in_brightness_and_in_some_channel() -> None:
    weights = np.array([0.299, 0.587, 0.114])
    for seed in range(200):
        rng = Random(seed)
        paper = any_color(rng)
        ink = unlike(rng, paper, least=45)
        assert abs(weights @ (ink - paper)) >= 29
        assert np.abs(ink - paper).max() >= 65
