"""One picture, determined by seed and index alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from random import Random

from captcha_ssl.errors import UserError
from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.look import OneLook
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.synthesis.styles import style_named

_NARROWEST_CHARACTER = 8
"""A squeezed character with fewer pixels of width than this is illegible."""

Render = Callable[[int], tuple[Pixels, str]]


def render(settings: PictureSettings, index: int) -> tuple[Pixels, str]:
    """Picture `index` (from 0) as uint8 [C, H, W], and its text.

    Raises UserError for settings that no picture can be drawn from.
    """
    return renderer(settings)(index)


def check_drawable(settings: PictureSettings) -> None:
    """Raise UserError for settings that no picture can be drawn from."""
    renderer(settings)


@lru_cache(maxsize=16)
def renderer(settings: PictureSettings) -> Render:
    """The function from an index to a picture, with the settings checked once.

    Raises UserError for a bad length, charset, size or number of channels.
    """
    ranges = _checked_lengths(settings)
    _check_charset(settings)
    canvas = Canvas(settings.channels, settings.height, settings.width)
    draw, every, seed = style_named(settings.style).draw, settings.charset, settings.seed
    kinds, look = settings.kinds and charsets_of_kinds(every), settings.look

    def render_one(index: int) -> tuple[Pixels, str]:
        rng = Random(seed << 64 | index)
        random = rng.random
        shortest, longest = ranges[0] if len(ranges) == 1 else rng.choice(ranges)
        length = shortest + int(random() * (longest - shortest + 1))
        # Without kinds no random number is drawn for them, so the pictures of a seed stay the same.
        charset = rng.choice(kinds) if kinds and random() < settings.kinds else every
        text = "".join([charset[int(random() * len(charset))] for _ in range(length)])
        brush = rng if look is None else OneLook(look, rng.getrandbits(64))
        return draw(text, brush, canvas), text

    return render_one


def charsets_of_kinds(charset: str) -> list[str]:
    """The characters of a charset for each choice of its kinds, and for all of them.

    Kinds are digits, capitals, small letters and the rest, as far as the charset has them.
    """
    kinds: dict[str, str] = {}
    for character in charset:
        kind = unicodedata.category(character)
        kind = kind if kind in ("Nd", "Lu", "Ll") else "rest"
        kinds[kind] = kinds.get(kind, "") + character
    sizes = range(1, len(kinds) + 1)
    return ["".join(some) for size in sizes for some in combinations(kinds.values(), size)]


def _checked_lengths(settings: PictureSettings) -> tuple[tuple[int, int], ...]:
    if settings.channels not in (1, 3):
        raise UserError(f"channels = {settings.channels}: use 3 for color or 1 for gray")
    ranges = settings.lengths()
    longest = max(longest for _, longest in ranges)
    needed = longest * _NARROWEST_CHARACTER
    if needed > settings.width:
        raise UserError(
            f"length = {settings.length!r}: {longest} characters cannot be read on a picture "
            f"{settings.width} pixels wide; use width = {needed} or more"
        )
    return ranges


def _check_charset(settings: PictureSettings) -> None:
    charset = settings.charset
    if not charset:
        raise UserError("charset is empty: name the characters to draw from")
    repeated = sorted({character for character in charset if charset.count(character) > 1})
    if repeated:
        raise UserError(f"charset names {_listed(repeated)} more than once")
    style = style_named(settings.style)
    lacking = [c for c in charset if not (_stands_alone(c) and style.can_draw(c))]
    if lacking:
        raise UserError(f"charset: style {settings.style!r} cannot draw {_listed(lacking)}")


def _stands_alone(character: str) -> bool:
    """Letters, digits, punctuation and symbols, but no spaces, controls and combining marks."""
    return unicodedata.category(character)[0] in "LNPS"


def _listed(characters: list[str]) -> str:
    shown = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in characters[:5])
    more = len(characters) - 5
    return f"{shown} and {more} more" if more > 0 else shown
