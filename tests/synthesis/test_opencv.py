"""Style `fast`: whole, legible and varied texts."""

from __future__ import annotations

import string
from random import Random

import numpy as np
import pytest

from captcha_ssl.synthesis import opencv
from captcha_ssl.synthesis.canvas import Canvas
from captcha_ssl.synthesis.fonts import FACES, faces_with
from captcha_ssl.synthesis.glyphs import VARIANTS, tile
from captcha_ssl.synthesis.opencv import draw_fast

ALPHABET = string.ascii_letters + string.digits


@pytest.fixture
def without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv, "_draw_dots", lambda ink, rng: None)
    monkeypatch.setattr(opencv, "_draw_curves", lambda ink, rng: None)


@pytest.mark.usefixtures("without_noise")
@pytest.mark.parametrize(("height", "width"), [(60, 160), (24, 72), (200, 90)])
@pytest.mark.parametrize("length", [1, 4, 9])
def test_no_text_touches_the_edge(height: int, width: int, length: int) -> None:
    for seed in range(40):
        rng = Random(seed)
        text = "".join(rng.choices(ALPHABET, k=length))
        image = draw_fast(text, rng, Canvas(1, height, width))[0].astype(int)
        paper = image[0, 0]
        edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert (edge == paper).all(), text
        assert (image < paper - 30).any(), text


def test_a_line_too_long_is_squeezed_and_keeps_every_stroke() -> None:
    line = np.zeros((50, 400), np.uint8)
    line[:, 5::40] = line[:, 6::40] = line[:, 7::40] = 255
    for seed in range(20):
        ink = np.zeros((60, 100), np.uint8)
        opencv._place(line, ink, Random(seed), zoom=1)
        inked = ink.max(axis=0) > 20
        assert np.count_nonzero(np.diff(inked.astype(int)) == 1) == 10


@pytest.mark.usefixtures("without_noise")
def test_ink_stands_out_from_the_paper() -> None:
    for seed in range(100):
        image = draw_fast("H8", Random(seed), Canvas(1, 60, 160))[0].astype(int)
        assert image.max() >= 238
        assert image.max() - image.min() >= 45


def test_noise_differs_from_picture_to_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv, "_place", lambda line, ink, rng, zoom: None)
    shares = [
        (image < image.max() - 30).mean()
        for image in (draw_fast("A", Random(seed), Canvas(1, 60, 160)) for seed in range(50))
    ]
    assert min(shares) > 0.005
    assert max(shares) > 1.5 * min(shares)


def test_pictures_of_one_text_all_differ() -> None:
    pictures = {draw_fast("A1", Random(seed), Canvas(3, 60, 160)).tobytes() for seed in range(200)}
    assert len(pictures) == 200


def test_every_font_and_variant_of_a_character_differs() -> None:
    tiles = {
        tile("R", face, variant, 60).mask.tobytes() for face in FACES for variant in range(VARIANTS)
    }
    assert len(tiles) == len(FACES) * VARIANTS


def test_a_forgotten_tile_is_drawn_the_same_again() -> None:
    before = tile("Q", FACES[0], 3, 48)
    tile.cache_clear()
    after = tile("Q", FACES[0], 3, 48)
    assert after.drop == before.drop
    np.testing.assert_array_equal(after.mask, before.mask)


def test_comma_hangs_low_and_apostrophe_high() -> None:
    assert tile(",", FACES[1], 0, 60).drop > 10
    assert tile("'", FACES[1], 0, 60).drop < -5


@pytest.mark.parametrize("character", ["∫", "|", "Ǻ", "—", "@", "Щ", "."])
def test_odd_shapes_fit_their_line(character: str) -> None:
    for face in faces_with(character):
        for variant in range(VARIANTS):
            mask, drop = tile(character, face, variant, 60)
            assert mask.any()
            assert mask.shape[0] <= 2 * 60
            assert abs(drop) < 60
    draw_fast(character * 5, Random(0), Canvas(3, 60, 160))
