"""The styles by name. To add one, write its `Draw` in a new file and name it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from captcha_ssl.synthesis.broad import draw_broad
from captcha_ssl.synthesis.canvas import Canvas, Draw, Pixels
from captcha_ssl.synthesis.classic import draw_classic
from captcha_ssl.synthesis.cluttered import draw_cluttered
from captcha_ssl.synthesis.dotted import draw_dotted
from captcha_ssl.synthesis.fonts import CLASSIC_FACE, faces_with
from captcha_ssl.synthesis.gradual import draw_gradual
from captcha_ssl.synthesis.hollow import draw_hollow
from captcha_ssl.synthesis.jpeg import draw_jpeg
from captcha_ssl.synthesis.long import draw_long
from captcha_ssl.synthesis.meter import draw_meter
from captcha_ssl.synthesis.more_fonts import broad_faces_with
from captcha_ssl.synthesis.onebit import draw_onebit
from captcha_ssl.synthesis.opencv import draw_fast
from captcha_ssl.synthesis.outlined import draw_outlined
from captcha_ssl.synthesis.package import draw_captcha
from captcha_ssl.synthesis.plain import draw_plain
from captcha_ssl.synthesis.plate import draw_plate
from captcha_ssl.synthesis.rippled import draw_rippled
from captcha_ssl.synthesis.smeared import draw_smeared
from captcha_ssl.synthesis.wavy import draw_wavy


@dataclass(frozen=True)
class Style:
    """The drawing function of a style, and the characters that it has a font for."""

    draw: Draw
    can_draw: Callable[[str], bool]


def _classic_can_draw(character: str) -> bool:
    return CLASSIC_FACE in faces_with(character)


def _fast_can_draw(character: str) -> bool:
    return bool(faces_with(character))


_PURE = {
    "classic": Style(draw_classic, _classic_can_draw),
    "fast": Style(draw_fast, _fast_can_draw),
}


def _mixture(styles: tuple[Style, ...]) -> Style:
    """A random style for every picture; all are equally likely."""

    def draw(text: str, rng: Random, canvas: Canvas) -> Pixels:
        return styles[int(rng.random() * len(styles))].draw(text, rng, canvas)

    return Style(draw, lambda character: all(style.can_draw(character) for style in styles))


_MIXED = _mixture(tuple(_PURE.values()))


def _lettering_can_draw(character: str) -> bool:
    return bool(broad_faces_with(character))


def _broad_can_draw(character: str) -> bool:
    return _MIXED.can_draw(character) and _lettering_can_draw(character)


_LETTERING = {
    "plain": draw_plain,
    "smeared": draw_smeared,
    "rippled": draw_rippled,
    "dotted": draw_dotted,
    "hollow": draw_hollow,
    "wavy": draw_wavy,
    "gradual": draw_gradual,
    "cluttered": draw_cluttered,
    "outlined": draw_outlined,
    "long": draw_long,
    "onebit": draw_onebit,
    "jpeg": draw_jpeg,
    "plate": draw_plate,
    "meter": draw_meter,
}

STYLES = {
    **_PURE,
    "mixed": _MIXED,
    **{name: Style(draw, _lettering_can_draw) for name, draw in _LETTERING.items()},
    "broad": Style(draw_broad, _broad_can_draw),
    "captcha": Style(draw_captcha, _classic_can_draw),
}


def style_named(names: str) -> Style:
    """The style with that name, or a mixture of several, separated by commas."""
    styles = tuple(STYLES[name] for name in names.split(","))
    return styles[0] if len(styles) == 1 else _mixture(styles)
