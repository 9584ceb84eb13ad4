"""Chooses the preparation of a set of images from its measurements; most sets need none.

The thresholds below are set so that rendered styles and real sets that are legible at 32 rows of
gray get no preparation: a wrong preparation costs more than a missing one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from captcha_ssl.data.ink_report import InkReport
from captcha_ssl.data.preparation import Flatten, Gray, Ink, Preparation, Trim
from captcha_ssl.data.usual_heights import DEFAULT_HEIGHT, HIGHEST, TALLER_HEIGHT

if TYPE_CHECKING:
    from captcha_ssl.data.pixel_settings import PixelSettings

FAINT = 60.0
"""Ink with less contrast than this, in gray levels, is faint."""
_MOST_BURIED = 0.5
_LOW_BOX, _LOW_INK = 0.62, 0.4
_FEWEST_FOR_BOX = 16
"""The fewest images that show where the text of all others is: the box cuts off what they lack."""
_ROOM = 0.04
_ROUND = 0.9
"""The level that becomes black, as a share of the typical contrast of the text."""
NARROWEST = 12.0
"""With less distance between characters than this, in pixels, images get more than 32 rows."""
_STEPS = ("trim", "flatten", "gray", "normalize")


def choose_preparation(
    ink: InkReport | None, settings: PixelSettings | None = None
) -> Preparation | None:
    """The preparation that `settings` choose or leave to the measurements; None for no preparation.

    Without settings the measurements decide everything: `predict` does this, so it needs no
    pydantic.
    """
    if settings is None:
        return (_automatic(ink) if ink else Preparation()) or None
    chosen = _automatic(ink) if settings.prepare == "auto" and ink else Preparation()
    chosen = replace(chosen, normalize=settings.normalize)
    if settings.trim != "auto":
        chosen = replace(chosen, trim=cast(Trim, settings.trim), box=_box(ink))
    if settings.flatten != "auto":
        chosen = _flattened(chosen, cast(Flatten, settings.flatten), ink)
    if settings.gray != "auto":
        direction = ink.direction if ink else (0.299, 0.587, 0.114)
        chosen = replace(chosen, gray=cast(Gray, settings.gray), direction=direction)
    if settings.flatten_window is not None:
        chosen = replace(chosen, window=settings.flatten_window)
    if settings.flatten_level is not None:
        chosen = replace(chosen, level=settings.flatten_level)
    return chosen or None


def contradiction(settings: PixelSettings, preparation: Preparation | None) -> str | None:
    """The first of the user's settings that is at odds with a `preparation`; None if none is.

    `auto` agrees with everything. `prepare` `none` agrees with a preparation that has no other
    steps than those that the settings name.
    """
    has = preparation or Preparation()
    flattens = has.flatten != "none"
    held = {
        "trim": has.trim,
        "flatten": has.flatten,
        "gray": has.gray,
        "normalize": has.normalize,
        "flatten_window": has.window if flattens else None,
        "flatten_level": has.level if flattens else None,
    }
    asked = {key: settings.explicit(key) for key in held}
    named = {key: value for key, value in asked.items() if value not in (None, "auto")}
    for key, value in named.items():
        if held[key] is not None and held[key] != value:
            return key
    others = replace(has, **{key: getattr(Preparation(), key) for key in named if key in _STEPS})
    return "prepare" if settings.explicit("prepare") == "none" and others else None


def choose_height(
    ink: InkReport | None, preparation: Preparation | None, usual: int = DEFAULT_HEIGHT
) -> int:
    """The height of the geometry: `usual`, or more where the images have it to show.

    That is 48 for images with so many rows or more after the `preparation`: in 32 a recognizer made
    twice as many errors (docs/results/rows.md). Narrow characters get up to 64.
    """
    if ink is None:
        return usual
    rows, _ = prepared_size(ink.size, preparation, ink) if preparation else ink.size
    least = max(usual, TALLER_HEIGHT) if rows >= TALLER_HEIGHT else usual
    if ink.pitch is None:
        return least
    pitch = ink.pitch / rows
    wide = (height for height in (DEFAULT_HEIGHT, TALLER_HEIGHT) if pitch * height >= NARROWEST)
    return max(least, next(wide, HIGHEST))


def ink_kind(ink: InkReport) -> Ink:
    """Whether the ink of nearly all images is dark, or light."""
    return "dark" if ink.dark > 0.8 else "light" if ink.dark < 0.2 else "both"


def black_level(contrast: float) -> float:
    """The contrast that becomes black, in gray levels, where ink has this `contrast`."""
    return min(255.0, max(8.0, float(round(_ROUND * contrast))))


def prepared_size(
    size: tuple[int, int], preparation: Preparation, ink: InkReport | None
) -> tuple[int, int]:
    """The approximate height and width of an image of `size` pixels after trimming."""
    height, width = size
    across, down = 1.0, 1.0
    if preparation.trim == "box":
        left, top, right, bottom = preparation.box
        across, down = right - left, bottom - top
    elif preparation.trim == "image" and ink is not None:
        room = 2 * preparation.margin * ink.height
        down = min(1.0, ink.height + room)
        across = min(1.0, ink.width + room * height / width)
    return max(1, round(down * height)), max(1, round(across * width))


def _automatic(ink: InkReport) -> Preparation:
    chosen = Preparation()
    if ink.buried > _MOST_BURIED or _under_a_gradient(ink):
        chosen = replace(_flattened(chosen, "closing", ink), gray="minimum")
    else:
        gray = _gray(ink)
        chosen = replace(chosen, gray=gray, direction=ink.direction)
    trim = _trim(ink)
    if trim == "none":
        return chosen
    # All columns are kept: a text longer than those that were measured would lose its end.
    _, top, _, bottom = _box(ink)
    return replace(chosen, trim=trim, box=(0.0, top, 1.0, bottom))


def _under_a_gradient(ink: InkReport) -> bool:
    return ink.contrast < FAINT and ink.background > 1.5 * ink.contrast


def _flattened(chosen: Preparation, flatten: Flatten, ink: InkReport | None) -> Preparation:
    if ink is None:
        return replace(chosen, flatten=flatten)
    level, window = black_level(ink.contrast), max(0.3, round(5 * ink.stroke / ink.size[0], 2))
    return replace(chosen, flatten=flatten, ink=ink_kind(ink), level=level, window=min(1.0, window))


def _gray(ink: InkReport) -> Gray:
    """Luminance, unless the ink is faint in it and at least twice as strong in another gray."""
    plain = ink.grays["luminance"]
    if plain >= FAINT:
        return "luminance"
    along = ink.along_direction if ink.one_color > 0.95 else 0.0
    others: dict[Gray, float] = {
        "minimum": ink.grays["minimum"],
        "maximum": ink.grays["maximum"],
        "direction": along,
    }
    best = max(others, key=lambda gray: others[gray])
    return best if others[best] > 2 * plain else "luminance"


def _trim(ink: InkReport) -> Trim:
    if ink.images >= _FEWEST_FOR_BOX and ink.box[3] - ink.box[1] < _LOW_BOX:
        return "box"
    return "image" if ink.height < _LOW_INK else "none"


def _box(ink: InkReport | None) -> tuple[float, float, float, float]:
    if ink is None:
        return (0.0, 0.0, 1.0, 1.0)
    left, top, right, bottom = ink.box
    return (
        max(0.0, round(left - _ROOM, 3)),
        max(0.0, round(top - _ROOM, 3)),
        min(1.0, round(right + _ROOM, 3)),
        min(1.0, round(bottom + _ROOM, 3)),
    )
