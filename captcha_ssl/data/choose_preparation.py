"""Which preparation a set of images needs, from what was measured in it: most need none.

The borders below are set so that the rendered styles and the real sets that read well at 32 rows
of gray get none; a wrong preparation costs more than a missing one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from captcha_ssl.data.ink import InkReport
from captcha_ssl.data.preparation import Flatten, Gray, Ink, Preparation, Trim

if TYPE_CHECKING:
    from captcha_ssl.data.pixel_settings import PixelSettings

DEFAULT_HEIGHT = 32
FAINT = 60.0
"""Gray levels of contrast below which ink is called faint."""
_MOST_BURIED = 0.5
_LOW_BOX, _LOW_INK = 0.62, 0.4
_ROOM = 0.04
_ROUND = 0.9
"""How far the level that becomes black lies under the typical contrast of the text."""
NARROWEST = 12.0
"""Pixels from one character to the next below which images are kept higher than 32."""
_FAINT_HEIGHT = 48
"""Rows that images with faint ink keep if they have them: it is lost first as strokes thin out."""


def choose_preparation(
    ink: InkReport | None, settings: PixelSettings | None = None
) -> Preparation | None:
    """The preparation that `settings` ask for or leave to the measures; None when it is none.

    Without settings the measures decide: `predict` does so, and loads no pydantic.
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


def choose_height(ink: InkReport | None, preparation: Preparation | None) -> int:
    """Rows to which images are brought: 32, or more for narrow characters and for faint ink."""
    if ink is None:
        return DEFAULT_HEIGHT
    rows, _ = prepared_size(ink.size, preparation, ink) if preparation else ink.size
    faint = preparation is not None and preparation.flatten != "none"
    least = _FAINT_HEIGHT if faint and rows >= _FAINT_HEIGHT else DEFAULT_HEIGHT
    if ink.pitch is None:
        return least
    pitch = ink.pitch / rows
    wide = (height for height in (DEFAULT_HEIGHT, 48) if pitch * height >= NARROWEST)
    return max(least, next(wide, 64))


def prepared_size(
    size: tuple[int, int], preparation: Preparation, ink: InkReport | None
) -> tuple[int, int]:
    """About the height and width of an image of `size` pixels once it is trimmed."""
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
    return replace(chosen, trim=trim, box=_box(ink)) if trim != "none" else chosen


def _under_a_gradient(ink: InkReport) -> bool:
    return ink.contrast < FAINT and ink.background > 1.5 * ink.contrast


def _flattened(chosen: Preparation, flatten: Flatten, ink: InkReport | None) -> Preparation:
    if ink is None:
        return replace(chosen, flatten=flatten)
    kind: Ink = "dark" if ink.dark > 0.8 else "light" if ink.dark < 0.2 else "both"
    level = min(255.0, max(8.0, float(round(_ROUND * ink.contrast))))
    window = min(1.0, max(0.3, round(5 * ink.stroke / ink.size[0], 2)))
    return replace(chosen, flatten=flatten, ink=kind, level=level, window=window)


def _gray(ink: InkReport) -> Gray:
    """Luminance, unless ink that is faint in it is at least twice as strong in another gray."""
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
    if ink.box[3] - ink.box[1] < _LOW_BOX:
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
