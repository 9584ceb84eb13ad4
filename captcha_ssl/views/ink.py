"""Measures strength and width of the ink of a set, to choose the strength of views.

An image is standardized by its own deviation, which also depends on its gradients and its thickest
line. In units of that deviation, noise and strokes that suit bold print would hide faint letters.
The measurement is made once for a set, on the CPU, so that steps take no longer.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.ink import ImageInk, measure_image
from captcha_ssl.data.ink_report import INK_SAMPLE
from captcha_ssl.data.mapped import pick
from captcha_ssl.data.spread import spread_places
from captcha_ssl.views.settings import ViewSettings

_Views = TypeVar("_Views", bound=ViewSettings)
_CROSSED = 0.5
"""The share of views with a line across, if the images have a line over fainter text."""
_MOST_BURIED = 0.5


def measured_inks(images: ImageArray) -> list[tuple[ImageInk, float]]:
    """The ink of some of uint8 `[N, C, H, W]`, and the deviation of the image that it is in."""
    places = spread_places(len(images), INK_SAMPLE)
    found = []
    for image in pick(images, places):
        rgb = np.ascontiguousarray(np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0))
        ink = measure_image(rgb)
        if ink is not None:
            found.append((ink, max(2.0, float(image.std()))))
    return found


def fit_views(
    settings: _Views, inks: list[tuple[ImageInk, float]], geometry: Geometry | None = None
) -> _Views:
    """The settings, with open values from these measurements.

    Without any ink they stay unchanged, and views are as strong as for ordinary print.
    """
    if not inks:
        return settings
    contrast = float(np.median([ink.contrast / deviation for ink, deviation in inks]))
    strongest = float(np.median([ink.strongest / ink.contrast for ink, _ in inks]))
    stroke = float(np.median([ink.stroke for ink, _ in inks]))
    buried = float(np.mean([ink.buried for ink, _ in inks])) > _MOST_BURIED
    preparation = geometry.preparation if geometry else None
    # After flattening, a line is as faint as the text but still crosses it.
    buried = buried or (preparation is not None and preparation.flatten != "none")
    measured = {
        "ink_contrast": round(contrast, 3),
        "ink_strongest": round(strongest, 3),
        "ink_stroke": round(stroke, 3),
        "lines": _CROSSED if buried else 0.0,
    }
    left = {name: value for name, value in measured.items() if not getattr(settings, name)}
    if settings.lines is not None:
        left.pop("lines", None)
    return settings.replace(**left)
