"""Style `classic` draws what style `captcha`, the package, draws."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.synthesis import classic, classic_letters, package
from captcha_ssl.synthesis.canvas import Canvas, Draw, Pixels
from captcha_ssl.synthesis.classic import draw_classic
from captcha_ssl.synthesis.package import draw_captcha

COUNT = 150
Figures = dict[str, float]


def mean_figures(draw: Callable[[str, Random], Pixels]) -> Figures:
    """Means over pictures of how dark they are, how much ink is where, and how sharp it is."""
    found = []
    for seed in range(COUNT):
        text = "".join(Random(seed).choices(string.digits + string.ascii_uppercase, k=4))
        image = draw(text, Random(seed))[0].astype(float)
        ink = np.median(image) - image
        dark = ink > max(8.0, 0.35 * ink.max())
        across = np.abs(np.diff(image, axis=1)).mean()
        found.append([image.mean(), image.std(), dark.mean(), across, dark[len(dark) // 2].mean()])
    names = ("mean", "deviation", "ink", "slope", "middle")
    return dict(zip(names, np.mean(found, 0).tolist(), strict=True))


def assert_alike(ours: Figures, theirs: Figures) -> None:
    # A tenth is three standard errors of a mean over so many pictures.
    for name, figure in theirs.items():
        assert ours[name] == pytest.approx(figure, rel=0.03 if name == "mean" else 0.12), name


def on(draw: Draw, *size: int) -> Callable[[str, Random], Pixels]:
    return lambda text, rng: draw(text, rng, Canvas(*size))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_have_the_statistics_of_the_package(channels: int) -> None:
    ours = mean_figures(on(draw_classic, channels, 60, 160))
    assert_alike(ours, mean_figures(on(draw_captcha, channels, 60, 160)))


def test_a_low_picture_is_a_large_one_made_smaller() -> None:
    def brought(text: str, rng: Random) -> Pixels:
        picture = draw_captcha(text, rng, Canvas(3, 60, 160))
        return Geometry(1, 32, 88).fit(picture.transpose(1, 2, 0))

    assert_alike(mean_figures(on(draw_classic, 1, 32, 88)), mean_figures(brought))


def test_a_high_picture_has_the_letters_of_the_package_at_that_height() -> None:
    ours = mean_figures(on(draw_classic, 1, 120, 320))
    assert_alike(ours, mean_figures(on(draw_captcha, 1, 120, 320)))


@pytest.mark.parametrize("character", ["A", "I", "g"])
def test_an_undistorted_letter_is_that_of_the_package(character: str) -> None:
    class Straight(Random):
        """Draws half of everything: no turn, and no corner that is pulled aside."""

        def random(self) -> float:
            return 0.5

    letter = classic_letters.Letter(character, 50)
    ours = letter.bent(Straight(), 100)
    package._secrets.rng = Random(0)
    painter = package._painter(60, 160)
    painter._truefonts = [font for font in painter.truefonts if font.size == 50]
    kept = type(painter).character_rotate, package._secrets
    painter.character_rotate = (0, 0)
    painter.character_warp_dx = painter.character_warp_dy = (0.0, 0.0)
    draw = ImageDraw.Draw(Image.new("RGB", (160, 60)))
    theirs = np.asarray(painter._draw_character(character, draw, (100, 100, 100, 237)))
    package._painter.cache_clear()
    assert kept[0] == (-30, 30)
    wanted = theirs[..., 0] / 100 * 255
    assert ours.shape == wanted.shape
    # The tile is somewhat larger than the cell, so edges may lie a pixel off.
    assert np.abs(ours - wanted).mean() < 12


def test_a_long_text_is_squeezed_and_none_of_it_lost() -> None:
    for seed in range(10):
        image = draw_classic("MMMMMMMM", Random(seed), Canvas(1, 60, 160))[0].astype(int)
        ink = np.median(image) - image
        columns = (ink > 0.35 * ink.max()).any(0).nonzero()[0]
        assert columns[0] < 25
        assert columns[-1] > 110


def test_dots_lie_up_to_the_edges_and_nowhere_else() -> None:
    layers = classic._Layers((0,), (255,), 100, np.empty(0, np.uint8), (None,))
    for seed in range(20):
        wide = np.zeros((1, 66, 166), np.uint8)
        classic._draw_dots(wide, layers, Random(seed))
        count = np.count_nonzero(wide)
        assert 30 * 4 < count <= 30 * 8
