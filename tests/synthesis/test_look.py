"""Pictures of one look resemble each other more than those of the whole style."""

from __future__ import annotations

from statistics import fmean

import numpy as np

from captcha_ssl.synthesis.beds import BEDS
from captcha_ssl.synthesis.look import OneLook
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings

COUNT = 24


def tones(settings: PictureSettings) -> list[np.ndarray]:
    return [render(settings, index)[0].mean((1, 2)) for index in range(COUNT)]


def spread(settings: PictureSettings) -> float:
    return float(np.std(tones(settings), axis=0).mean())


def test_colors_differ_less_within_a_look_than_within_the_style() -> None:
    ratios = [
        fmean(spread(bed.replace(look=look)) for look in range(5)) / spread(bed.replace(look=None))
        for bed in BEDS.values()
    ]
    assert fmean(ratios) < 0.75


def test_texts_are_those_of_the_style_at_large() -> None:
    bed = BEDS["long"]
    plain = bed.replace(look=None)
    assert [render(bed, i)[1] for i in range(5)] == [render(plain, i)[1] for i in range(5)]


def test_a_picture_depends_on_look_seed_and_index_alone() -> None:
    bed = BEDS["plate"]
    first = render(bed, 3)[0]
    render(bed, 4)
    assert np.array_equal(render(bed, 3)[0], first)
    assert not np.array_equal(render(bed.replace(look=8), 3)[0], first)


def test_draws_stay_in_their_range_and_near_the_look() -> None:
    draws = np.array(
        [[draw.random() for _ in range(200)] for draw in map(OneLook, [7] * 50, range(50))]
    )
    assert (draws >= 0).all() and (draws < 1).all()
    assert np.ptp(draws, axis=0).max() < 0.13
    assert np.ptp(draws.mean(0)) > 0.8
