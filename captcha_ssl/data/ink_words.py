"""Describes the measurements of a set in words, and warns about what makes it hard to read."""

from __future__ import annotations

from collections.abc import Iterator

from captcha_ssl.data.choose_preparation import FAINT, NARROWEST, prepared_size
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.ink_report import InkReport
from captcha_ssl.data.usual_heights import HEIGHT_STEP

_LOW = 0.4
_PADDED = 0.25
_NOISY = 0.15


def describe(ink: InkReport) -> str:
    """The measurements in one line."""
    shade = "dark" if ink.dark > 0.8 else "light" if ink.dark < 0.2 else "dark or light"
    pitch = "" if ink.pitch is None else f", {ink.pitch:.0f} pixels from character to character"
    return (
        f"{shade}, contrast {ink.contrast:.0f} of 255 (background {ink.background:.0f}, noise "
        f"{ink.noise:.0f}, strongest thing {ink.strongest:.0f}), strokes {ink.stroke:.1f} pixels "
        f"wide, {ink.height:.0%} of the height{pitch}"
    )


def narrow_words(ink: InkReport, geometry: Geometry) -> str:
    """What there is to say of narrow characters; empty if they are wide enough, or not known."""
    preparation = geometry.preparation
    rows, _ = prepared_size(ink.size, preparation, ink) if preparation else ink.size
    if ink.pitch is None or ink.pitch * geometry.height / rows >= NARROWEST:
        return ""
    apart = ink.pitch * geometry.height / rows
    return f"characters are {apart:.0f} pixels apart at height {geometry.height}"


def warnings(ink: InkReport, geometry: Geometry) -> Iterator[str]:
    """The difficulties of the set, one sentence each, with the remedy that is used or advised."""
    done, preparation = "", geometry.preparation
    flat = preparation is not None and preparation.flatten != "none"
    if ink.buried > 0.5:
        times = ink.strongest / max(ink.contrast, 1.0)
        done = "" if flat else "; set flatten=closing"
        yield f"a line across is {times:.0f} times stronger than the text{done}"
    elif ink.background > ink.contrast:
        done = "" if flat else "; if a training reads little, try flatten=closing"
        yield f"the background varies more than the contrast of the text{done}"
    if ink.contrast < FAINT:
        yield f"the text is faint: {ink.contrast:.0f} of 255 gray levels"
    if ink.noise > _NOISY * ink.contrast:
        yield f"there is noise: {ink.noise / ink.contrast:.0%} of the contrast of the text"
    best = max(*ink.grays.values(), ink.along_direction * (ink.one_color > 0.95))
    if geometry.channels == 1 and ink.grays["luminance"] < min(FAINT, best / 2):
        gray = preparation.gray if preparation else "luminance"
        done = "; try gray=minimum or channels=3" if gray == "luminance" else ""
        yield f"colored text almost vanishes in the usual gray{done}"
    if ink.height < _LOW:
        trimmed = preparation is not None and preparation.trim != "none"
        done = "; the pictures are cut to it" if trimmed else "; try trim=image"
        yield f"the text takes only {ink.height:.0%} of the height of a picture{done}"
    if narrow := narrow_words(ink, geometry):
        yield f"{narrow}; try height={geometry.height + HEIGHT_STEP}"
    if ink.padding > _PADDED:
        yield (
            f"{ink.padding:.0%} of the columns are padding, because most images are narrower "
            f"than {geometry.width} pixels"
        )
