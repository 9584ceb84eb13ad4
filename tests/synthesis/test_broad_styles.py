"""The styles set from letters: what they draw depends on text and seed alone, and can be read."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from captcha_ssl.synthesis import more_fonts, rippled
from captcha_ssl.synthesis.broad import _wear, any_preparation, draw_broad
from captcha_ssl.synthesis.canvas import Canvas
from captcha_ssl.synthesis.clutter import dotted
from captcha_ssl.synthesis.fonts import CLASSIC_FACE
from captcha_ssl.synthesis.lettering import Lettering, letter_line
from captcha_ssl.synthesis.more_fonts import broad_faces
from captcha_ssl.synthesis.painting import place
from captcha_ssl.synthesis.render import charsets_of_kinds, render
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.synthesis.styles import STYLES

pytestmark = pytest.mark.slow

STILL = Lettering(
    (1, 1), (1, 1), (0.1, 0.1), turn=0, slant=0, drift=0, faces=lambda face: face == CLASSIC_FACE
)
NEW = (
    "plain",
    "smeared",
    "rippled",
    "dotted",
    "hollow",
    "wavy",
    "gradual",
    "cluttered",
    "outlined",
    "long",
    "onebit",
    "jpeg",
    "plate",
    "meter",
    "broad",
)
FAINT = ("outlined", "long", "plate", "meter", "broad")


@pytest.mark.parametrize("style", NEW)
@pytest.mark.parametrize(("height", "width", "channels"), [(32, 96, 1), (24, 72, 3), (80, 240, 3)])
def test_a_picture_has_the_size_asked_for_and_follows_its_seed(
    style: str, height: int, width: int, channels: int
) -> None:
    canvas, draw = Canvas(channels, height, width), STYLES[style].draw
    for seed in range(5):
        picture = draw("aB3x", Random(seed), canvas)
        assert (picture.shape, picture.dtype) == ((channels, height, width), np.uint8)
        assert np.array_equal(picture, draw("aB3x", Random(seed), canvas))
        assert not np.array_equal(picture, draw("aB3x", Random(seed + 99), canvas))


@pytest.mark.parametrize("style", NEW)
def test_ink_stands_out_from_its_paper(style: str) -> None:
    draw, canvas = STYLES[style].draw, Canvas(1, 60, 160)
    for seed in range(20):
        picture = draw("W8m", Random(seed), canvas).astype(float)
        assert np.ptp(picture) > (24 if style in FAINT else 60)
        assert picture.std() > (3 if style in FAINT else 6)


@pytest.mark.parametrize("style", NEW)
def test_the_longest_and_the_shortest_text_fit(style: str) -> None:
    for text in ("1", "WMWMWMWM"):
        assert STYLES[style].draw(text, Random(0), Canvas(1, 32, 96)).shape == (1, 32, 96)


def test_letters_stand_side_by_side_at_the_height_asked_for() -> None:
    line = letter_line("HIH", Random(0), 48, STILL)
    assert abs(line.shape[0] - 48) <= 3
    columns = (line > 128).any(axis=0).astype(int)
    assert (np.diff(columns, prepend=0) == 1).sum() == 3


def test_a_small_letter_keeps_its_size_and_its_line() -> None:
    high, low = letter_line("Hh", Random(0), 48, STILL), letter_line("Ho", Random(0), 48, STILL)
    right = low[:, low.shape[1] // 2 + 3 :]
    rows = np.flatnonzero((right > 128).any(axis=1))
    assert rows[0] > 0.15 * low.shape[0] and rows[-1] >= 0.9 * low.shape[0]
    assert high.shape[0] <= 54


def test_a_line_is_placed_whole() -> None:
    line = np.full((50, 300), 255, np.uint8)
    for seed in range(50):
        ink = place(line, Random(seed), Canvas(1, 40, 120), fill=(0.5, 0.95))
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        assert (ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > 250).all()
        assert 1.7 * len(columns) / 300 >= len(rows) / 50 - 0.05


@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_screen_of_dots_leaves_part_of_the_ink(step: int) -> None:
    ink = np.full((40, 60), 200, np.uint8)
    for seed in range(10):
        assert 0.15 < (dotted(ink, Random(seed), step) > 0).mean() < 0.8


def test_ripples_move_rows_aside_and_columns_down_by_sines() -> None:
    ramp = np.broadcast_to(np.arange(0, 200, 2, dtype=np.uint8), (50, 100))
    inner = np.s_[10:40, 20:80]
    aside = (rippled._ripple(ramp, Random(1)).astype(int) - ramp)[inner].mean(axis=1) / 2
    drawn = Random(1)
    strength, length = drawn.uniform(1.5, 4.0), drawn.uniform(11, 18)
    assert np.allclose(aside, strength * np.sin(np.arange(10, 40) / length), atol=0.3)


def test_only_a_circle_of_water_is_rippled() -> None:
    speckled = np.random.default_rng(0).integers(0, 256, (50, 300), np.uint8)
    moved = rippled._trouble(speckled, Random(0)) != speckled
    assert not moved[:, :50].any() and not moved[:, -50:].any()
    assert moved[15:35, 140:160].mean() > 0.5


def test_a_picture_of_style_broad_is_fitted_like_a_picture_that_is_read() -> None:
    short = [draw_broad("ab", Random(seed), Canvas(1, 32, 200)) for seed in range(30)]
    padded = sum(int(np.ptp(picture[0, :, -40:]) == 0) for picture in short)
    assert padded > 20  # narrow pictures keep their aspect and end in plain paper


def test_fonts_that_are_not_installed_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(more_fonts, "_DEBIAN_ROOT", tmp_path)
    broad_faces.cache_clear()
    try:
        assert broad_faces() == more_fonts._BUNDLED
        file = tmp_path / "truetype/hack/Hack-Bold.ttf"
        file.parent.mkdir(parents=True)
        file.touch()
        broad_faces.cache_clear()
        assert broad_faces() == (*more_fonts._BUNDLED, str(file))
    finally:
        monkeypatch.undo()
        broad_faces.cache_clear()


def test_lengths_may_be_one_of_several_ranges() -> None:
    settings = PictureSettings(length="2,7-8", style="plain", channels=1)
    lengths = [len(render(settings, index)[1]) for index in range(200)]
    assert set(lengths) == {2, 7, 8}
    assert 70 < lengths.count(2) < 130


def test_texts_keep_to_kinds_of_characters_as_often_as_asked() -> None:
    settings = PictureSettings(
        charset="0123456789abcdefghABCDEFGH", kinds=0.7, channels=1, length="6", style="plain"
    )
    texts = [render(settings, index)[1] for index in range(300)]
    digits = sum(text.isdigit() for text in texts) / 300
    assert 0.05 < digits < 0.17  # 0.7 / 7, and next to none by chance
    whole = PictureSettings(charset="0123456789", kinds=1.0, channels=1, style="plain")
    assert render(whole, 5)[1].isdigit()


def test_every_choice_of_kinds_is_one_charset() -> None:
    assert charsets_of_kinds("7aB") == ["7", "a", "B", "7a", "7B", "aB", "7aB"]
    assert charsets_of_kinds("12") == ["12"]
    assert charsets_of_kinds("1-é") == ["1", "-", "é", "1-", "1é", "-é", "1-é"]


def test_a_third_of_broad_is_prepared_by_what_suits_its_ink() -> None:
    dark = np.full((40, 90, 3), 240, np.uint8)
    dark[12:28, 20:24], dark[12:28, 40:44] = (20, 20, 200), (20, 20, 200)
    for image, ink in ((dark, "dark"), (255 - dark, "light")):
        ways = [any_preparation(Random(seed), image) for seed in range(80)]
        assert {way.ink for way in ways} == {ink}
        assert {way.flatten for way in ways} == {"none", "closing", "median"}
        assert {way.trim for way in ways} == {"none", "image"}
        # Whatever is done to it, the ink is still there.
        assert min(np.ptp(way.apply(image)) for way in ways) > 60


def test_broad_pictures_are_degraded_in_many_ways_and_stay_valid() -> None:
    picture = np.full((3, 40, 100), 230, np.uint8)
    picture[:, 10:30, 20:80:8] = 30
    worn = [_wear(picture, Random(seed)) for seed in range(150)]
    same = sum(np.array_equal(one, picture) for one in worn)
    assert 60 < same < 120
    assert {one.dtype for one in worn} == {np.dtype(np.uint8)}
    assert max(one.shape[1] for one in worn) > 40  # more picture around it
    assert any(one.shape == picture.shape and one.mean() < 100 for one in worn)  # inverted
