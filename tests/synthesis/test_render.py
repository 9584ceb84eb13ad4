"""A picture follows from its seed, its index and the settings that describe it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.synthesis import styles
from captcha_ssl.synthesis.canvas import Canvas, Draw
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.synthesis.styles import STYLES

each_style = pytest.mark.parametrize("style", list(STYLES))


@each_style
def test_picture_does_not_depend_on_what_was_drawn_before(style: str) -> None:
    settings = PictureSettings(style=style, seed=3)
    forwards = [render(settings, index) for index in range(8)]
    backwards = [render(settings, index) for index in reversed(range(8))][::-1]
    for (image, text), (again, same) in zip(forwards, backwards, strict=True):
        assert text == same
        np.testing.assert_array_equal(image, again)


@pytest.fixture(scope="module")
def digests() -> list[dict[str, str]]:
    """Style → digest of one of its pictures, from each of two processes."""
    script = (
        "import hashlib, json; from captcha_ssl.synthesis.render import render;"
        "from captcha_ssl.synthesis.settings import PictureSettings;"
        f"pictures = {{s: render(PictureSettings(style=s), 5)[0] for s in {list(STYLES)!r}}};"
        "print(json.dumps({s: hashlib.sha256(p).hexdigest() for s, p in pictures.items()}))"
    )
    command = [sys.executable, "-c", script]
    return [json.loads(subprocess.check_output(command, text=True)) for _ in range(2)]


@each_style
def test_picture_does_not_depend_on_the_process(digests: list[dict[str, str]], style: str) -> None:
    one, other = digests
    assert one[style] == other[style]


@each_style
def test_seed_and_index_both_change_the_picture(style: str) -> None:
    first, _ = render(PictureSettings(style=style), 0)
    assert not np.array_equal(first, render(PictureSettings(style=style), 1)[0])
    assert not np.array_equal(first, render(PictureSettings(style=style, seed=1), 0)[0])


def test_a_large_seed_does_not_collide_with_the_index() -> None:
    texts = {render(PictureSettings(seed=seed, length="8"), index)[1]
             for seed in (0, 1, 2**32, 2**62) for index in (0, 1, 2**32)}  # fmt: skip
    assert len(texts) == 12


@each_style
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type(style: str, channels: int) -> None:
    settings = PictureSettings(style=style, channels=channels, height=40, width=112)
    image, text = render(settings, 0)
    assert image.shape == (channels, 40, 112)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert len(text) == 4


@each_style
def test_gray_is_the_luma_of_the_colored_picture(style: str) -> None:
    colored, _ = render(PictureSettings(style=style), 7)
    gray, _ = render(PictureSettings(style=style, channels=1), 7)
    luma = cv2.cvtColor(colored.transpose(1, 2, 0), cv2.COLOR_RGB2GRAY).astype(int)
    # classic puts its colors together from two layers, each of which is rounded.
    # jpeg stores them, as JPEG stores gray and color: neither is exact.
    allowed = {"classic": 3, "mixed": 3, "jpeg": 12}.get(style, 1)
    assert np.abs(luma - gray[0]).max() <= allowed


def test_text_depends_on_neither_style_nor_size() -> None:
    settings = PictureSettings(length="3-6")
    expected = [render(settings, index)[1] for index in range(6)]
    for other in (settings.replace(style="fast"), settings.replace(height=32, channels=1)):
        assert [render(other, index)[1] for index in range(6)] == expected


def test_lengths_and_characters_are_all_drawn_and_no_others() -> None:
    settings = PictureSettings(style="fast", length="2-4", charset="XYZ")
    texts = [render(settings, index)[1] for index in range(200)]
    assert {len(text) for text in texts} == {2, 3, 4}
    assert set("".join(texts)) == set("XYZ")


def test_several_styles_are_drawn_equally_often(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def noted(name: str) -> Draw:
        def draw(text: str, rng: random.Random, canvas: Canvas) -> np.ndarray:
            calls.append(name)
            return np.zeros((canvas.channels, canvas.height, canvas.width), np.uint8)

        return draw

    asked = ("classic", "wavy", "plain")
    for name in asked:
        monkeypatch.setitem(styles.STYLES, name, replace(STYLES[name], draw=noted(name)))
    for index in range(300):
        render(PictureSettings(style=",".join(asked), seed=5), index)
    assert set(calls) == set(asked)
    assert all(60 < calls.count(name) < 140 for name in asked)


def test_mixed_is_classic_or_fast() -> None:
    for index in range(8):
        mixed, _ = render(PictureSettings(style="mixed"), index)
        assert np.array_equal(mixed, render(PictureSettings(style="classic,fast"), index)[0])
    with pytest.raises(UserError, match="'classic,fast' cannot draw"):
        render(PictureSettings(style="classic,fast", charset="中"), 0)


@each_style
def test_global_generators_are_not_used(style: str) -> None:
    before, numpy_before = random.getstate(), np.random.get_state()[1].copy()
    render(PictureSettings(style=style), 0)
    assert random.getstate() == before
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"length": "0"}, "4-6"),
        ({"length": "6-4"}, "4-6"),
        ({"length": "four"}, "4-6"),
        ({"length": "21"}, "width = 168"),
        ({"charset": ""}, "empty"),
        ({"charset": "ABCA"}, "'A'"),
        ({"charset": "AB "}, "U+0020"),
        ({"charset": "x\u0301"}, "U+0301"),
        ({"charset": "A\n"}, "U+000A"),
        ({"charset": "A中"}, "中"),
        ({"channels": 2}, "channels"),
    ],
)
def test_impossible_settings_are_a_clear_error(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=r"^[^\n]+$") as caught:
        render(PictureSettings(**wrong), 0)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_style_decides_which_characters_have_a_font() -> None:
    image, text = render(PictureSettings(style="fast", charset="♥"), 0)
    assert text == "♥♥♥♥"
    assert image.min() < 200
    for style in ("classic", "mixed"):
        with pytest.raises(UserError, match="♥"):
            render(PictureSettings(style=style, charset="♥"), 0)


@each_style
@pytest.mark.parametrize(("height", "width"), [(16, 16), (1024, 16), (16, 2000), (300, 700)])
def test_extreme_sizes_are_drawn(style: str, height: int, width: int) -> None:
    settings = PictureSettings(style=style, height=height, width=width, length="1-2")
    for index in range(4):
        assert render(settings, index)[0].shape == (3, height, width)
