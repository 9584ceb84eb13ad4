"""Style `captcha` is the `captcha` package, under a seed and without a trace."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random

import captcha.image
import numpy as np
import pytest

from captcha_ssl.synthesis.canvas import Canvas
from captcha_ssl.synthesis.package import draw_captcha
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings


class _Seeded:
    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def randbelow(self, bound: int) -> int:
        return self._rng.randrange(bound)

    def randbits(self, bits: int) -> int:
        return self._rng.getrandbits(bits)

    def choice(self, options: list[object]) -> object:
        return options[self._rng.randrange(len(options))]


@pytest.mark.parametrize("text", ["A1B2", "x", "A VERY LONG TEXT".replace(" ", "")])
def test_pixels_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    ours = draw_captcha(text, Random(11), Canvas(3, 60, 160))
    monkeypatch.setattr(captcha.image, "secrets", _Seeded(Random(11)))
    theirs = np.asarray(captcha.image.ImageCaptcha(160, 60).generate_image(text))
    np.testing.assert_array_equal(ours, theirs.transpose(2, 0, 1))


def test_the_package_and_secrets_are_not_changed() -> None:
    script = (
        "import secrets, sys; before = vars(secrets).copy();"
        "from captcha_ssl.synthesis.render import render;"
        "from captcha_ssl.synthesis.settings import PictureSettings;"
        "render(PictureSettings(style='captcha'), 0);"
        "assert 'captcha.image' not in sys.modules; assert vars(secrets) == before;"
        "import captcha.image; assert captcha.image.secrets is secrets"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_threads_do_not_share_random_numbers() -> None:
    settings = PictureSettings(style="captcha")
    alone = [render(settings, index)[0] for index in range(40)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda index: render(settings, index)[0], range(40)))
    for expected, image in zip(alone, together, strict=True):
        np.testing.assert_array_equal(image, expected)


def test_letters_grow_with_the_picture() -> None:
    def extent(height: int) -> float:
        rows = []
        for seed in range(12):
            image = draw_captcha("HHHH", Random(seed), Canvas(1, height, 4 * height))[0]
            # Noise dots fill a row only here and there; letters fill it in many columns.
            inked = (image < np.median(image) - 12).mean(axis=1) > 0.08
            rows.append(inked.mean())
        return float(np.mean(rows))

    assert extent(120) == pytest.approx(extent(60), abs=0.15)
