"""Strengths of the views. Zero switches a step off."""

from __future__ import annotations

from typing import Any, ClassVar

from captcha_ssl.settings import Settings, setting


class ViewSettings(Settings):
    """How far two views of one crop may differ (the defaults suit pretraining on crops)."""

    title: ClassVar[str] = "Views"

    rotation: float = setting(25.0, "largest rotation, degrees", low=0, high=90)
    shear: float = setting(0.3, "largest horizontal shear", low=0, high=2)
    scale: float = setting(0.25, "largest change of size, natural logarithm", low=0, high=2)
    shift: float = setting(2.0, "largest displacement, pixels", low=0)
    elastic: float = setting(1.5, "deviation of the elastic displacement, pixels", low=0)
    thickness: float = setting(
        0.6, "share of views with thicker, thinner or closed strokes", low=0, high=1
    )
    strokes: int = setting(2, "curved strokes drawn over a view, at most", low=0)
    dots: float = setting(12.0, "dots expected on a view, at most", low=0)
    color: float = setting(
        1.0, "share of views whose colors are mixed anew; gray images stay", low=0, high=1
    )
    contrast: float = setting(0.5, "largest change of contrast, natural logarithm", low=0)
    brightness: float = setting(0.3, "deviation of the brightness, in image deviations", low=0)
    blur: float = setting(0.3, "share of views that are blurred", low=0, high=1)
    noise: float = setting(0.15, "largest deviation of pixel noise, in image deviations", low=0)


def gentle_views(**changes: Any) -> ViewSettings:
    """Strengths that suit fine-tuning on whole images, with `changes` of some."""
    return ViewSettings(**{**_GENTLE, **changes})


def strong_views() -> ViewSettings:
    """As strong as whole images bear it and can still be read, clutter included."""
    return ViewSettings(**_STRONG)


_GENTLE: dict[str, Any] = {
    "rotation": 3.0,
    "shear": 0.15,
    "scale": 0.08,
    "shift": 2.0,
    "elastic": 0.7,
    "thickness": 0.0,
    "strokes": 0,
    "dots": 0.0,
    "color": 0.5,
    "contrast": 0.3,
    "brightness": 0.2,
    "noise": 0.1,
}
_STRONG: dict[str, Any] = {
    "rotation": 6.0,
    "shear": 0.3,
    "scale": 0.15,
    "shift": 3.0,
    "elastic": 1.2,
    "thickness": 0.6,
    "strokes": 2,
    "dots": 24.0,
    "color": 1.0,
    "contrast": 0.5,
    "brightness": 0.3,
    "noise": 0.2,
}
